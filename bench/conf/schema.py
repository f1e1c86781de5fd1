"""Typed schemas: from one come a command's defaults, its checks, its help, and the messages that name a mistake.

They are pydantic models. Hydra's structured configurations were the other choice; they know no ranges, no choices, no
entry that is a name or a mapping, and no text that is kept as typed. Hydra stays for what pydantic does not do:
``bench train`` composes its defaults from files (``conf/method``, ``network``, ``dataset``, ``experiment``).

A field is an annotation that pydantic reads, with ``key(default, about)``. Its annotation decides what a text that was
typed without quotes means: ``10`` is a number for an ``int``, and the name of a run for a ``str``.
"""

from __future__ import annotations

import difflib
import inspect
import re
import textwrap
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen, MultipleOf
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError
from pydantic_core import ErrorDetails

from bench.conf.values import Plain, settled, spelled
from bench.core.errors import UserError, did_you_mean
from results.store.remote import runs_folder

S = TypeVar("S", bound="Schema")

Whole = Annotated[int, Strict()]
Positive = Annotated[int, Strict(), Ge(1)]
Count = Annotated[int, Strict(), Ge(0)]
Number = Annotated[float, Strict()]
Share = Annotated[float, Strict(), Ge(0), Le(1)]
Truth = Annotated[bool, Strict()]
Text = Annotated[str, Strict(), MinLen(1)]
Folder = Annotated[Path, AfterValidator(lambda path: path.expanduser())]
"""A folder or file, ``~`` being the user's own; whether it is there is looked at where it is used."""
RunsFolder = Annotated[Path, BeforeValidator(runs_folder)]
"""A folder where runs are stored, or a URL."""


def key(default: Any, about: str) -> Any:
    """A field with its default, as it would be typed, and what help says of it."""
    return Field(default=default, description=about, validate_default=True)


class Reads:
    """An annotation's own way to understand what was typed, where it is more than a type."""

    words = "a value"

    def typed(self, value: Any) -> Any:
        """``value`` with every ``Plain`` text in it settled."""
        raise NotImplementedError


class Schema(BaseModel):
    """What a command, or a part of its configuration, can be asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    @classmethod
    def of(cls: type[S], config: Mapping[str, Any]) -> S:
        """The configuration, checked; keys that it lacks have their defaults.

        Raises:
            UserError: a key is unknown, or its value makes no sense.
        """
        config = cls.completed(dict(cls.renamed(key, value) for key, value in config.items()))
        try:
            return cls.model_validate(typed(cls, config))
        except ValidationError as error:
            raise _told(cls, error) from error

    @classmethod
    def renamed(cls, key: str, value: Any) -> tuple[str, Any]:
        """``key`` and ``value`` as they are called now, where an earlier version called them otherwise."""
        return key, value

    @classmethod
    def completed(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """The keys that are given, with those that follow from them, before the rest gets its defaults."""
        return dict(given)

    def check_names(self) -> None:
        """That what is named in registries is there, with the options given, as far as that needs no heavy import.

        Raises:
            UserError: a name or option is unknown; the nearest is named.
        """


class Open(Schema):
    """A part of a configuration that may hold further keys, of whoever else reads it."""

    model_config = ConfigDict(extra="allow")


def typed(annotation: Any, value: Any) -> Any:
    """``value`` with its plain texts read as ``annotation`` wants them; nothing is checked.

    One thing stands for a list of one. What cannot be read as wanted stays a text, for the check to complain of.
    """
    kind, extras = _split(annotation)
    for extra in extras:
        if isinstance(extra, Reads):
            return extra.typed(value)
    if get_origin(kind) in (Union, UnionType):
        return _typed_union(get_args(kind), value)
    if _is_sequence(kind):
        if value is None:
            return None
        entries = value if isinstance(value, list | tuple) else [value]
        inner = get_args(kind)
        return [typed(inner[0 if inner[-1] is ... else min(i, len(inner) - 1)], one) for i, one in enumerate(entries)]
    if isinstance(kind, type) and issubclass(kind, Schema):
        if not isinstance(value, Mapping):
            return str(value) if isinstance(value, Plain) else value
        fields = kind.model_fields
        return {
            name: typed(field_type(kind, name), inner) if name in fields else settled(inner)
            for name, inner in value.items()
        }
    return _scalar(kind, value) if isinstance(value, Plain) else value


def field_type(schema: type[Schema], name: str) -> Any:
    """The annotation of a field, whole."""
    field = schema.model_fields[name]
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def annotation_at(schema: type[Schema], key: str) -> Any:
    """The annotation of a dotted key; ``Any`` where the schema says nothing of it."""
    annotation: Any = schema
    for name in key.split("."):
        owner = _split(annotation)[0]
        if not (isinstance(owner, type) and issubclass(owner, Schema) and name in owner.model_fields):
            return Any
        annotation = field_type(owner, name)
    return annotation


def defaults(schema: type[Schema]) -> dict[str, Any]:
    """Every key with its default, as it would be typed."""
    return deepcopy({name: field.default for name, field in schema.model_fields.items()})


def explained(schema: type[Schema], width: int = 26) -> str:
    """What help shows: the schema's own text, and every key with its default and what it means."""
    lines = [inspect.cleandoc(schema.__doc__ or ""), "", "Keys, with their defaults:", ""]
    for name, field in schema.model_fields.items():
        shown = f"{name}: {spelled(field.default)}"
        about = textwrap.wrap(field.description or "", 118 - width)
        if len(shown) >= width:
            lines.append(shown)
            shown = ""
        lines += [f"{shown if not number else '':{width}}# {line}" for number, line in enumerate(about)]
    return "\n".join(lines)


def only_text(annotation: Any) -> bool:
    """Whether nothing but a text can be meant, so that brackets and quotes are its own."""
    kind, extras = _split(annotation)
    if any(isinstance(extra, Reads) for extra in extras):
        return False
    if get_origin(kind) in (Union, UnionType):
        return all(only_text(option) for option in get_args(kind) if option is not NoneType)
    return kind in (str, Path)


def choices(annotation: Any) -> list[str]:
    """The names among which a value is chosen; none where it is not."""
    kind, _ = _split(annotation)
    if get_origin(kind) is Literal:
        return [_choice(name) for name in get_args(kind)]
    if get_origin(kind) in (Union, UnionType):
        return [name for option in get_args(kind) for name in choices(option)]
    return ["true", "false"] if kind is bool else []


def words(annotation: Any) -> str:
    """What a value must be, in words that end the sentence "it must be ..."."""
    kind, extras = _split(annotation)
    for extra in extras:
        if isinstance(extra, Reads):
            return extra.words
    if get_origin(kind) in (Union, UnionType):
        options = [words(option) for option in get_args(kind) if option is not NoneType]
        return ", or ".join([*options, *(["null"] if NoneType in get_args(kind) else [])])
    if get_origin(kind) is Literal:
        return (
            f"one of {', '.join(_choice(name) for name in get_args(kind))}"
            if len(get_args(kind)) > 1
            else str(get_args(kind)[0])
        )
    if _is_sequence(kind):
        least = next((extra.min_length for extra in extras if isinstance(extra, MinLen)), 0)
        return (
            f"a list of at least {least}, each {words(get_args(kind)[0])}"
            if least
            else f"a list, each {words(get_args(kind)[0])}"
        )
    if isinstance(kind, type) and issubclass(kind, Schema):
        return f"a mapping of {', '.join(kind.model_fields)}"
    if multiple := next((extra.multiple_of for extra in extras if isinstance(extra, MultipleOf)), None):
        return f"a multiple of {multiple}"
    name = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", Path: "a path"}
    return name.get(kind, "a value") + _bounds(kind, extras)


def _split(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type and what annotates it, through aliases of aliases."""
    extras: tuple[Any, ...] = ()
    while get_origin(annotation) is Annotated:
        annotation, *inner = get_args(annotation)
        extras = (*inner, *extras)
    return annotation, extras


def _is_sequence(kind: Any) -> bool:
    return get_origin(kind) in (tuple, list, Sequence)


def _typed_union(options: Sequence[Any], value: Any) -> Any:
    """The first of several types that ``value`` can be."""
    if isinstance(value, Plain) and NoneType in options and value.lower() in ("null", ""):
        return None
    for option in options:
        if option is not NoneType and _fits(option, result := typed(option, value)):
            return result
    return str(value) if isinstance(value, Plain) else settled(value)


def _fits(annotation: Any, value: Any) -> bool:
    kind, extras = _split(annotation)
    if get_origin(kind) is Literal:
        return any(value == choice and type(value) is type(choice) for choice in get_args(kind))
    if _is_sequence(kind):
        return isinstance(value, list | tuple)
    if kind in (int, float, bool):
        return type(value) is kind or (kind is float and type(value) is int)
    if isinstance(kind, type) and issubclass(kind, Schema):
        return isinstance(value, Mapping)
    return any(isinstance(extra, Reads) for extra in extras) or isinstance(value, str | Path)


def _scalar(kind: Any, text: Plain) -> Any:
    """A plain text as the number, truth value or choice that ``kind`` wants; as a text where it is none."""
    if get_origin(kind) is Literal:
        choices = [
            choice
            for choice in get_args(kind)
            if _choice(choice) == (text.lower() if isinstance(choice, bool) else text)
        ]
        return choices[0] if choices else str(text)
    if kind is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind is int and re.fullmatch(r"[+-]?[0-9]+(_[0-9]+)*", text):
        return int(text)
    if kind is float and re.fullmatch(r"[+-]?([0-9]+(_[0-9]+)*\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return int(text) if re.fullmatch(r"[+-]?[0-9_]+", text) else float(text)
    return settled(text) if kind is Any else str(text)


def _choice(name: Any) -> str:
    return str(name).lower() if isinstance(name, bool) else str(name)


def _bounds(kind: Any, extras: Sequence[Any]) -> str:
    found = {type(extra): extra for extra in extras}
    said = []
    if Gt in found:
        said.append(f" above {found[Gt].gt:g}")
    if Ge in found:
        said.append(f" from {found[Ge].ge:g}")
    if Le in found:
        said.append(f" to {found[Le].le:g}" if Ge in found else f" up to {found[Le].le:g}")
    elif Lt in found:
        said.append(f" to below {found[Lt].lt:g}")
    elif kind is int and Ge in found:
        said.append(" up")
    return "".join(said)


def _told(schema: type[Schema], error: ValidationError) -> UserError:
    """The first thing wrong, as one line that names the key."""
    first = error.errors()[0]
    if first["type"] == "extra_forbidden":
        owner = schema
        for name in first["loc"][:-1]:
            owner = _split(owner.model_fields[str(name)].annotation)[0]
        return did_you_mean("key", str(first["loc"][-1]), owner.model_fields)
    path, annotation, rest = _field_at(schema, first["loc"])
    if first["type"] == "value_error":
        return UserError(f"{path}: {first['ctx']['error']}")
    if first["type"] == "missing":
        return UserError(f"{path} is needed: {words(annotation)}")
    if first["type"] == "too_short" and len(first["input"]) == 0:
        return UserError(f"{path}: needs at least one entry")
    kind = _split(annotation)[0]
    value = first["input"]
    if _is_sequence(kind) and rest and isinstance(rest[0], int):
        return UserError(f"{path}: each must be {words(get_args(kind)[0])}; got {value!r}")
    return UserError(f"{path}: {words(annotation)}; got {value!r}{_nearest(first)}")


def _nearest(first: ErrorDetails) -> str:
    """What was perhaps meant, of choices."""
    if first["type"] != "literal_error" or not isinstance(first["input"], str):
        return ""
    choices = re.findall(r"'([^']+)'", first["ctx"]["expected"])
    near = difflib.get_close_matches(first["input"], choices, n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else ""


def _field_at(schema: type[Schema], loc: Sequence[int | str]) -> tuple[str, Any, Sequence[int | str]]:
    """The dotted key, its annotation, and what of ``loc`` lies within it."""
    path, owner, annotation, rest = [], schema, Any, list(loc)
    while rest and isinstance(owner, type) and issubclass(owner, Schema) and rest[0] in owner.model_fields:
        path.append(str(rest[0]))
        annotation = field_type(owner, str(rest.pop(0)))
        owner = _split(annotation)[0]
    return ".".join(path), annotation, rest
