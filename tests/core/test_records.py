"""Valid JSON with wrong content is one line that names the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from bench.core.records import build, parse
from bench.core.types import Tag


@dataclass(frozen=True)
class Inner:
    name: str
    size: float | None = None


@dataclass(frozen=True)
class Outer:
    steps: int | None
    status: Literal["ok", "error"]
    inner: Inner
    names: tuple[str, ...] = ()
    parts: Mapping[str, Inner] = field(default_factory=dict)
    tags: Mapping[str, Tag] = field(default_factory=dict)
    anything: Mapping[str, Any] = field(default_factory=dict)
    flag: bool = False


GOOD: dict[str, Any] = {"steps": 3, "status": "ok", "inner": {"name": "a"}}


def test_what_fits_is_built() -> None:
    data = {
        **GOOD,
        "names": ["x", "y"],
        "parts": {"p": {"name": "b", "size": 2}},
        "tags": {"a": 1, "b": 0.5, "c": "d", "e": True},
    }
    assert build(Outer, data) == Outer(3, "ok", Inner("a"), ("x", "y"), {"p": Inner("b", 2)}, data["tags"])
    assert build(Outer, {**GOOD, "steps": None}).steps is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"steps": "three"}, "steps: expected a whole number, got 'three'"),
        ({"steps": 3.5}, "steps: expected a whole number, got 3.5"),
        ({"steps": True}, "steps: expected a whole number, got True"),
        ({"steps": 10**400}, "steps: expected a whole number, got a number of many digits"),
        ({"status": "fine"}, "status: expected ok or error, got 'fine'"),
        ({"status": []}, "status: expected ok or error, got []"),
        ({"inner": []}, "inner: expected a mapping, got []"),
        ({"inner": None}, "inner: expected a mapping, got None"),
        ({"inner": {}}, "inner: expected name in inner, got []"),
        ({"inner": {"name": "a", "size": float("inf")}}, "inner.size: expected a number, got inf"),
        ({"inner": {"name": "a", "size": float("nan")}}, "inner.size: expected a number, got nan"),
        ({"inner": {"name": "a", "colour": 1}}, "inner has unknown fields ['colour']"),
        ({"names": "xy"}, "names: expected a list, got 'xy'"),
        ({"names": ["x", 1]}, "names.1: expected text, got 1"),
        ({"parts": [["p", {}]]}, "parts: expected a mapping"),
        ({"parts": {"p": {"name": {}}}}, "parts.p.name: expected text, got {}"),
        ({"tags": {"a": {}}}, "tags.a: expected"),
        ({"tags": {"a": None}}, "tags.a: expected"),
        ({"flag": 1}, "flag: expected true or false, got 1"),
        ({"anything": 3}, "anything: expected a mapping, got 3"),
        ({"steps": "x" * 10**6}, "steps: expected a whole number, got 'xxx"),
    ],
)
def test_what_does_not_is_named(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError) as raised:
        build(Outer, {**GOOD, **change})
    assert told in str(raised.value) and len(str(raised.value)) < 200


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match="expected steps, inner in outer, got"):
        build(Outer, {"status": "ok"})


def test_depth_is_bounded() -> None:
    with pytest.raises(ValueError):
        parse("[" * 100_000)
