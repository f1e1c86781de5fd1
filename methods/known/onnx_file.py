"""The numbers that an ONNX file holds, read from its bytes: the packages that run such files do not tell them.

A file is a protocol buffer: fields, each with a number and a wire type (0: a varint, 1 and 5: 8 and 4 bytes, 2: so many
bytes). The numbers of the fields are those of ONNX's ``onnx.proto``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

GRAPH, NODE, INITIALIZER, ATTRIBUTE, TENSOR = 7, 1, 5, 5, 5
"""Of a model its graph; of a graph its nodes and initial values; of a node its attributes; of one its tensor."""

DIMS, DATA_TYPE = 1, 2
FLOATS = {1, 10, 11}
"""Data types: float32, float16, float64."""

Field = tuple[int, int | bytes]


def parameters(path: Path) -> int:
    """How many floating-point numbers the file holds: initial values, and constants among its operators."""
    [graph] = _within(path.read_bytes(), GRAPH)
    attributes = [attribute for node in _within(graph, NODE) for attribute in _within(node, ATTRIBUTE)]
    constants = [tensor for attribute in attributes for tensor in _within(attribute, TENSOR)]
    return sum(map(_size, [*_within(graph, INITIALIZER), *constants]))


def _size(tensor: bytes) -> int:
    """The number of elements of a tensor; 0 if it is not of floating point."""
    dims: list[int] = []
    data_type = 0
    for number, value in _fields(tensor):
        if number == DIMS:
            dims += [value] if isinstance(value, int) else _varints(value)
        elif number == DATA_TYPE and isinstance(value, int):
            data_type = value
    return math.prod(dims) if data_type in FLOATS else 0


def _within(message: bytes, wanted: int) -> list[bytes]:
    """The messages in the fields with this number."""
    return [value for number, value in _fields(message) if number == wanted and isinstance(value, bytes)]


def _fields(message: bytes) -> Iterator[Field]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        size, at = (8, at) if kind == 1 else (4, at) if kind == 5 else _varint(message, at)
        yield key >> 3, message[at : at + size]
        at += size


def _varints(message: bytes) -> list[int]:
    found, at = [], 0
    while at < len(message):
        value, at = _varint(message, at)
        found.append(value)
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
