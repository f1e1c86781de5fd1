"""Declarations of our classes, read from their source without importing them or their dependencies."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Declared:
    """The declaration of a registered class.

    Attributes:
        parameters: of its constructor, and of those of its bases where ``**options`` are handed on; annotations are
            texts.
        whole: whether these are all the options that it takes: not where ``further_options`` says more.
        doc: its docstring.
        attributes: class attributes with a constant value, the bases' too.
    """

    parameters: Mapping[str, inspect.Parameter]
    whole: bool
    doc: str
    attributes: Mapping[str, Any]


def declared(module: str, name: str) -> Declared | None:
    """The declaration of class ``name`` in ``module``; None if the source has no such class or no constructor."""
    tree = _source(module)
    found = next((node for node in _classes(tree) if node.name == name), None) if tree else None
    if found is None:
        return None
    lines = list(_line(module, found))
    if any(_is_dataclass(kind) for kind in lines):
        return None
    parameters: dict[str, inspect.Parameter] = {}
    for kind in lines:
        constructor = _method(kind, "__init__")
        if constructor is None:
            continue
        parameters = _parameters(constructor) | parameters
        if constructor.args.kwarg is None:
            break
    attributes: dict[str, Any] = {}
    for kind in reversed(lines):
        attributes |= _attributes(kind)
    further = any(_method(kind, "further_options") for kind in lines)
    return Declared(parameters, not further, ast.get_docstring(found) or "", attributes)


@cache
def _source(module: str) -> ast.Module | None:
    """The parsed source of a module, found without importing its parent packages."""
    places: list[str] | None = None
    *packages, last = module.split(".")
    for package in packages:
        spec = PathFinder.find_spec(package, places)
        if spec is None or spec.submodule_search_locations is None:
            return None
        places = list(spec.submodule_search_locations)
    spec = PathFinder.find_spec(last, places)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def _classes(tree: ast.Module) -> Iterator[ast.ClassDef]:
    return (node for node in tree.body if isinstance(node, ast.ClassDef))


def _line(module: str, node: ast.ClassDef) -> Iterator[ast.ClassDef]:
    """A class and those of its bases whose source can be found."""
    yield node
    for base in node.bases:
        base = base.value if isinstance(base, ast.Subscript) else base
        if isinstance(base, ast.Name) and (found := _found(module, base.id)) is not None:
            yield from _line(*found)


def _found(module: str, name: str) -> tuple[str, ast.ClassDef] | None:
    """The class called ``name`` in a module: its own, or one that it imports."""
    tree = _source(module)
    if tree is None:
        return None
    for node in _classes(tree):
        if node.name == name:
            return module, node
    for imported in tree.body:
        if isinstance(imported, ast.ImportFrom) and imported.module and imported.level == 0:
            for alias in imported.names:
                if (alias.asname or alias.name) == name:
                    return _found(imported.module, alias.name)
    return None


def _method(node: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    return next((inner for inner in node.body if isinstance(inner, ast.FunctionDef) and inner.name == name), None)


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any(ast.unparse(decorator).partition("(")[0].endswith("dataclass") for decorator in node.decorator_list)


def _parameters(function: ast.FunctionDef) -> dict[str, inspect.Parameter]:
    args = [*function.args.posonlyargs, *function.args.args]
    defaults = [None] * (len(args) - len(function.args.defaults)) + list(function.args.defaults)
    pairs = [*zip(args, defaults, strict=True), *zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)]
    return {
        arg.arg: inspect.Parameter(
            arg.arg,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if default is None else _value(default),
            annotation=inspect.Parameter.empty if arg.annotation is None else ast.unparse(arg.annotation),
        )
        for arg, default in pairs[1:]  # without self
    }


def _attributes(node: ast.ClassDef) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for inner in node.body:
        targets = inner.targets if isinstance(inner, ast.Assign) else []
        if isinstance(inner, ast.AnnAssign) and inner.value is not None:
            targets = [inner.target]
        for target in targets:
            for one, value in _assigned(target, inner.value):  # type: ignore[attr-defined]
                if isinstance(one, ast.Name) and isinstance(value, ast.Constant):
                    found[one.id] = value.value
    return found


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """``a, b = 1, 2`` as two assignments."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        yield from zip(target.elts, value.elts, strict=True)
    else:
        yield target, value


@dataclass(frozen=True)
class Written:
    """A default that is not a constant, as source text."""

    text: str

    def __str__(self) -> str:
        return self.text


def _value(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return Written(ast.unparse(node))
