"""A command's configuration: its schema's defaults with overrides, and mistakes in one line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.conf import groups, schema, study, values
from bench.conf.hints import hinted
from bench.conf.schema import Schema, annotation_at, defaults, only_text, typed
from bench.conf.values import Unreadable
from bench.core.errors import UserError, did_you_mean

SCHEMAS = {
    "run": ("bench.run.settings", "Settings"),
    "train": ("bench.train.settings", "Training"),
    "leaderboard": ("bench.commands.settings", "Leaderboard"),
    "report": ("bench.commands.settings", "Report"),
    "figure": ("bench.commands.several", "Figure"),
    "table": ("bench.commands.several", "PaperTable"),
    "publish": ("bench.commands.several", "Publish"),
    "verify": ("bench.commands.several", "Verify"),
    "reproduce": ("bench.commands.several", "Reproduce"),
    "compare": ("bench.commands.several", "Compare"),
    "show": ("bench.commands.settings", "Show"),
    "listen": ("bench.commands.settings", "Listen"),
    "card": ("bench.commands.settings", "Card"),
    "check": ("bench.commands.settings", "Check"),
    "enhance": ("bench.commands.settings", "Enhance"),
    "convert": ("bench.commands.settings", "Convert"),
    "mushra_export": ("bench.commands.mushra_settings", "Export"),
    "mushra_serve": ("bench.commands.mushra_settings", "Serve"),
    "mushra_import": ("bench.commands.mushra_settings", "Import"),
    "mushra_analyse": ("bench.commands.mushra_settings", "Analyse"),
}
"""Where the schema of a command's keys lies, imported when the command is called."""

OVERRIDE = re.compile(r"([A-Za-z_]\w*(?:[./]\w+)*)=(.*)", re.DOTALL)


def schema_of(job: str) -> type[Schema]:
    """The schema of a command's keys."""
    module, name = SCHEMAS[job]
    found: type[Schema] = getattr(import_module(module), name)
    return found


def is_key(argument: str) -> bool:
    """Whether an argument sets keys: KEY=VALUE, or the file of a study, NAME.yaml."""
    return OVERRIDE.fullmatch(argument) is not None or Path(argument).suffix in study.SUFFIXES


def compose(job: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The defaults of ``job`` with what ``arguments`` set, interpolations resolved, texts as its schema wants them.

    Args:
        job: a command of ``SCHEMAS``.
        arguments: overrides ``KEY=VALUE`` and files of studies; the later goes over the earlier.

    Raises:
        UserError: an argument cannot be read, or names a key that does not exist.
    """
    kind = schema_of(job)
    given = [kind.renamed(*pair) for argument in arguments for pair in _pairs(kind, argument)]
    given = _completed(kind, given)
    chosen = groups.choices(job, given)
    tree = groups.composed(job, chosen) if groups.of(job) else defaults(kind)
    for key, value in given:
        if key not in groups.of(job) or isinstance(value, Mapping):
            put(tree, key, value)
    try:
        resolved = _resolved(tree, tree)
    except UserError as error:
        raise hinted(error, arguments) from error
    except RecursionError as error:
        raise UserError(f"cannot apply {' '.join(arguments)}: a key is asked for its own value") from error
    composed = typed(kind, resolved)
    assert isinstance(composed, dict)
    return composed


def _completed(kind: type[Schema], given: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The keys that are set, with those that follow from them at the front, in place of what they stand for."""
    before = dict(given)
    after = kind.completed(before)
    new = [(key, value) for key, value in after.items() if value is not before.get(key)]
    return [*new, *(pair for pair in given if pair[0] in after.keys() - dict(new).keys())]


def _pairs(kind: type[Schema], argument: str) -> list[tuple[str, Any]]:
    """The keys that an argument sets, with their values as typed."""
    found = OVERRIDE.fullmatch(argument)
    if found is not None:
        return [(found[1], _read(kind, found[1], found[2]))]
    if is_key(argument):
        return list(study.read(Path(argument).expanduser()).items())
    raise UserError(f"cannot read the override {argument!r}: it must be KEY=VALUE, or the file of a study, NAME.yaml")


def explained(job: str) -> str:
    """What help shows of the command's keys."""
    return groups.text(job) if groups.of(job) else schema.explained(schema_of(job))


def yaml(job: str, overrides: Sequence[str]) -> str:
    """The composed configuration as YAML."""
    return study.written(compose(job, overrides))


def put(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key that there is; a mapping is put into a mapping key by key, but for one with another name.

    Raises:
        UserError: there is no such key; names the nearest.
    """
    *parents, leaf = key.split(".")
    inner: Any = tree
    for name in parents:
        inner = inner[_member(inner, name, key)]
    name = _member(inner, leaf, key)
    there = inner[name]
    if isinstance(value, Mapping) and isinstance(there, Mapping) and value.get("name") in (None, there.get("name")):
        for own, entry in value.items():
            put(inner[name], own, entry)
    else:
        inner[name] = value


def _member(inner: Any, name: str, key: str) -> Any:
    """``name`` as a key of a mapping, or as an index of a list."""
    if isinstance(inner, list):
        if name.isdecimal() and int(name) < len(inner):
            return int(name)
        raise UserError(f"{key}: the list has the entries 0 to {len(inner) - 1}")
    if inner is None:
        raise UserError(f"{key}: {key.removesuffix(name).rstrip('.')} is null; set it as a whole")
    if not isinstance(inner, Mapping) or name not in inner:
        raise did_you_mean("key", name, inner if isinstance(inner, Mapping) else ())
    return name


def _read(kind: type[Schema], key: str, text: str) -> Any:
    """A value as typed; where it cannot be read, the error has a spelling that can."""
    if only_text(annotation_at(kind, key)):
        return values.read_text(text)
    try:
        return values.read(text)
    except Unreadable as error:
        spelling = next(spelling for spelling in values.repaired(text) if _readable(spelling))
        raise UserError(
            f"cannot read the override '{key}={text}': {error}; if a bracket, comma or quote belongs to a name, "
            f"write {shlex.quote(f'{key}={spelling}')}"
        ) from error


def _readable(text: str) -> bool:
    try:
        values.read(text)
    except Unreadable:
        return False
    return True


INTERPOLATION = re.compile(r"\\?\$\{([^{}]*)\}")


def _resolved(value: Any, tree: Mapping[str, Any]) -> Any:
    """``value`` with every ``${key}`` replaced by what the key has, but where a backslash goes before it."""
    if isinstance(value, Mapping):
        return {key: _resolved(inner, tree) for key, inner in value.items()}
    if isinstance(value, list):
        return [_resolved(inner, tree) for inner in value]
    if not isinstance(value, str) or "${" not in value:
        return value
    if (whole := INTERPOLATION.fullmatch(value)) and not value.startswith("\\"):
        return _resolved(_at(tree, whole[1], value), tree)

    def replacement(found: re.Match[str]) -> str:
        return found[0][1:] if found[0].startswith("\\") else str(_resolved(_at(tree, found[1], value), tree))

    return type(value)(INTERPOLATION.sub(replacement, value))


def _at(tree: Any, key: str, text: str) -> Any:
    for name in key.split("."):
        if not isinstance(tree, Mapping) or name not in tree:
            raise UserError(f"cannot read {text!r}: there is no key '{key}'")
        tree = tree[name]
    return tree
