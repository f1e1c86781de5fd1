"""Build dataclasses from JSON with type checks; an error is one line that names the field.

Valid JSON can still be damaged: a text instead of a number, a list instead of a mapping, or a number out of range.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

Reader = Callable[[Any], Any]

_LARGEST = 2**63
"""Stored integers are smaller."""

_LARGEST_REAL = 1e100
"""Stored real numbers are smaller: their squares, and sums of these, stay finite."""


class Misfit(ValueError):
    """A value that does not fit its field; the message has the path to the field, outermost first."""

    def __init__(self, expected: str, value: object) -> None:
        super().__init__(expected, value)
        self.expected, self.value = expected, value
        self.path: list[str] = []

    def __str__(self) -> str:
        where = f"{'.'.join(self.path)}: " if self.path else ""
        return f"{where}expected {self.expected}, got {_short(self.value)}"


def parse(text: str) -> Any:
    """Parse a JSON text.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def build(hint: Any, data: object, *path: str) -> Any:
    """Convert ``data`` to the type ``hint``: mappings to dataclasses, lists to tuples, other values unchanged.

    Args:
        path: the names that lead to the data, for the message.

    Raises:
        ValueError: a field is missing, unknown, or of the wrong type; the message names it.
    """
    try:
        return _reader(hint)(data)
    except Misfit as misfit:
        misfit.path[:0] = path
        raise


@cache
def _reader(hint: Any) -> Reader:
    """The function that checks and converts a value of a type hint."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value: value
    if is_dataclass(hint):
        return _dataclass(hint)
    if origin in (Union, types.UnionType):
        return _union(args)
    if origin is Literal:
        return _scalar(lambda value: isinstance(value, str) and value in args, " or ".join(map(str, args)))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(_reader(args[1]))
    if origin is tuple:
        return _tuple(_reader(args[0]))
    checks: dict[Any, tuple[Callable[[Any], bool], str]] = {
        str: (lambda value: isinstance(value, str), "text"),
        bool: (lambda value: isinstance(value, bool), "true or false"),
        int: (lambda value: type(value) is int and abs(value) < _LARGEST, "a whole number"),
        float: (_is_number, "a number"),
        type(None): (lambda value: value is None, "nothing"),
    }
    return _scalar(*checks[hint])


def _is_number(value: object) -> bool:
    return (type(value) is int and abs(value) < _LARGEST) or (isinstance(value, float) and abs(value) < _LARGEST_REAL)


def _scalar(fits: Callable[[Any], bool], expected: str) -> Reader:
    def read(value: Any) -> Any:
        if fits(value):
            return value
        raise Misfit(expected, value)

    return read


def _union(hints: tuple[Any, ...]) -> Reader:
    told = (*hints, bool) if {str, float} <= set(hints) else hints  # a tag may be a boolean
    readers = [_reader(hint) for hint in told if hint is not type(None)]
    optional = type(None) in hints

    def read(value: Any) -> Any:
        if value is None and optional:
            return None
        for reader in readers[:-1]:
            try:
                return reader(value)
            except Misfit:  # noqa: PERF203 (``suppress`` takes longer than most values to read)
                continue
        return readers[-1](value)

    return read if len(readers) > 1 or optional else readers[0]


def _mapping(inner: Reader) -> Reader:
    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Misfit("a mapping", value)
        try:
            return {key: inner(item) for key, item in value.items()}
        except Misfit:  # once more, to say where
            return {key: _named(inner, key, item) for key, item in value.items()}

    return read


def _tuple(inner: Reader) -> Reader:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Misfit("a list", value)
        return tuple(_named(inner, str(index), item) for index, item in enumerate(value))

    return read


def _dataclass(kind: Any) -> Reader:
    hints = get_type_hints(kind)
    of_fields: dict[str, Reader] = {}
    needed = {
        field.name
        for field in fields(kind)
        if field.init and field.default is MISSING and field.default_factory is MISSING
    }

    def read(value: Any) -> Any:
        if not of_fields:  # built on first use, because dataclasses can be recursive
            of_fields.update({field.name: _reader(hints[field.name]) for field in fields(kind) if field.init})
        if not isinstance(value, dict):
            raise Misfit("a mapping", value)
        if not value.keys() <= of_fields.keys():
            unknown = sorted(value.keys() - of_fields.keys())
            raise ValueError(f"{kind.__name__.lower()} has unknown fields {unknown}")
        if not needed <= value.keys():
            lacking = [name for name in of_fields if name in needed and name not in value]
            raise Misfit(f"{', '.join(lacking)} in {kind.__name__.lower()}", sorted(value))
        try:
            given = {name: of_fields[name](item) for name, item in value.items()}
        except Misfit:  # once more, to say where
            given = {name: _named(of_fields[name], name, item) for name, item in value.items()}
        return kind(**given)

    return read


def _named(reader: Reader, name: str, value: Any) -> Any:
    try:
        return reader(value)
    except Misfit as misfit:
        misfit.path.insert(0, name)
        raise


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) < _LARGEST else "a number of many digits"
    return text if len(text) <= 60 else f"{text[:57]}..."
