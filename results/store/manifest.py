"""The keys that a stored manifest must have; others are allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.core.records import build
from results.store.info import MetricInfo

_NEEDED: dict[str, dict[str, Any]] = {
    "methods": {"name": str, "options": Mapping[str, Any], "provenance": Mapping[str, Any]},
    "datasets": {"fingerprint": str},
    "metrics": {"name": str, "version": str, "shown": MetricInfo},
}


def check(manifest: Mapping[str, Any]) -> None:
    """Check that the manifest has everything that reading, merging and continuing a run needs.

    Raises:
        ValueError: a key is missing or of another type; the message names it.
    """
    for kind, needed in _NEEDED.items():
        for label, entry in build(Mapping[str, Mapping[str, Any]], manifest.get(kind), kind).items():
            for name, hint in needed.items():
                build(hint, entry.get(name), kind, label, name)
    build(tuple[Mapping[str, Any], ...], manifest.get("sessions"), "sessions")
