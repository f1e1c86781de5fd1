"""The manifest of a run: enough to repeat it, and to detect when a continuation would differ."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from bench.core.installed import version
from bench.core.registry import AT_RUN_TIME, OURS
from bench.run.code import code_sha256
from bench.run.machine import machine
from bench.run.parts import Parts, Recipe
from methods.base import METHODS, Method
from metrics.base import Metric

Manifest = dict[str, Any]

CODE = "code_sha256"
"""Where the digest of a plugin's code stands in its method's provenance."""

PACKAGES = (
    "sebench",
    *("torch", "numpy", "scipy", "soxr", "soundfile", "librosa", "onnxruntime", "safetensors"),
    *("pesq", "pystoi", "speechmos", "ray", "hydra-core", "pandas"),
)


def describe(parts: Parts) -> Manifest:
    """The parts by their labels: how each was built, and hashes of its data or weights.

    The device is left out: it is recorded in each row.
    """
    methods = {
        label: {
            "name": recipe.name,
            "options": _without_device(recipe.options),
            "provenance": {**_without_device(parts.method(label).provenance()), **_code(recipe)},
        }
        for label, recipe in parts.methods.items()
    }
    datasets = {
        label: {
            "name": recipe.name,
            "options": recipe.options,
            "fingerprint": parts.dataset(label).fingerprint(),
            "identity": parts.dataset(label).identity().short(),
        }
        for label, recipe in parts.datasets.items()
    }
    metrics = {
        label: {
            "name": recipe.name,
            "options": recipe.options,
            "version": parts.version(label),
            "provenance": parts.provenance(label),
            "shown": _shown(label, recipe.name, parts.metric(label)),
        }
        for label, recipe in parts.metrics.items()
    }
    return _plain({"methods": methods, "datasets": datasets, "metrics": metrics})


def _code(recipe: Recipe[Method]) -> dict[str, str]:
    """What the code of another package's method is; ours is the session's ``git`` and version."""
    origin = METHODS.origin(recipe.name)
    found = None if origin == OURS else code_sha256(recipe.factory, whole_package=origin != AT_RUN_TIME)
    return {CODE: found} if found else {}


def session(config: Mapping[str, Any], plugins: Iterable[str]) -> Manifest:
    """This call of ``bench run``: its configuration, and the machine and packages it runs on.

    Args:
        plugins: the other packages that parts come from.
    """
    return _plain(
        {
            "started": now(),
            "ended": None,
            "config": config,
            "git": revision(),
            "versions": versions(plugins),
            "machine": machine(),
        }
    )


def merge(stored: Manifest | None, parts: Manifest, this_session: Manifest) -> Manifest:
    """The stored manifest with this session added.

    Raises:
        UserError: a method or dataset differs from the stored one with the same label.
    """
    stored = stored or {"methods": {}, "datasets": {}, "metrics": {}, "sessions": []}
    _refuse_changes("method", stored["methods"], parts["methods"], ("name", "options", "provenance"))
    _refuse_changes("dataset", stored["datasets"], parts["datasets"], ("fingerprint",))
    merged = {kind: {**stored[kind], **parts[kind]} for kind in ("methods", "datasets", "metrics")}
    return {**stored, **merged, "sessions": [*stored["sessions"], this_session]}


def delays(merged: Manifest) -> dict[str, str]:
    """The delays that earlier sessions measured (``delay: auto``), by the methods' labels."""
    return {label: delay for session in merged["sessions"] for label, delay in session.get("delays", {}).items()}


def _refuse_changes(kind: str, stored: Mapping[str, Any], new: Mapping[str, Any], aspects: tuple[str, ...]) -> None:
    for label in sorted(stored.keys() & new.keys()):
        for aspect in aspects:
            before, now = stored[label][aspect], new[label][aspect]
            if isinstance(before, dict) and CODE not in before:  # stored by a version that did not record it
                now = {key: value for key, value in now.items() if key != CODE}
            if change := _difference(aspect, before, now):
                raise UserError(
                    f"the stored rows of {kind} '{label}' were computed with another {change}; "
                    "choose another run=NAME, give the entry another label, or delete the run"
                )


def _difference(name: str, old: Any, new: Any) -> str:
    """The first key at which two descriptions differ, with both values; empty if they are equal."""
    if isinstance(old, dict) and isinstance(new, dict):
        differences = (_difference(key, old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys()))
        return next(filter(None, differences), "")
    return "" if old == new else f"{name} ({_short(old)}, now {_short(new)})"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}..."


def _shown(label: str, name: str, metric: Metric) -> Manifest:
    """A metric's properties for tables and plots; the user's label takes precedence over the metric's."""
    own = metric.label if label == name else label
    return {
        **{"label": own, "unit": metric.unit, "higher_is_better": metric.higher_is_better},
        **{"aspect": metric.aspect, "intrusive": metric.needs_clean, "low": metric.low, "high": metric.high},
    }


def _without_device(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "device"}


def _plain(value: Manifest) -> Manifest:
    """``value`` after a round trip through JSON, so that a stored description compares equal to a new one."""
    plain: Manifest = json.loads(json.dumps(value, default=str))
    return plain


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def versions(plugins: Iterable[str]) -> dict[str, str | None]:
    """Versions of Python and of the packages that results depend on; None if not installed as a package."""
    return {"python": platform.python_version(), **{package: version(package) for package in (*PACKAGES, *plugins)}}


def revision() -> str | None:
    """The git commit of this checkout, with "+" if files have changed since; None for an installed package."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
        return _git(root, "rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(root: Path, *command: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *command], capture_output=True, text=True, check=True)
    return done.stdout.strip()
