"""``bench leaderboard RUN ...``: stored runs, merged and summarised; no score is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from results.statistics.analysis import Options
from results.store.merge import merge, read
from results.views.summary import Views, summarise


@dataclass(frozen=True)
class Request:
    """The composed configuration of ``bench leaderboard``, checked; ``conf/leaderboard.yaml`` explains the keys."""

    runs_dir: Path
    out: Path | None
    mix: bool
    views: Views

    @staticmethod
    def of(config: Mapping[str, Any]) -> Request:
        """Raises ``UserError`` where a value makes no sense."""
        return Request(
            runs_dir=Path(str(config["runs_dir"])).expanduser(),
            out=None if config["out"] is None else Path(str(config["out"])).expanduser(),
            mix=_boolean(config, "mix"),
            views=Views(
                options=options(config),
                strata=_names_or_auto(config, "strata"),
                bins=_at_least(config, "bins", 2),
                mixed=_names(config, "mixed"),
                content=_names_or_auto(config, "content"),
                quality=_names_or_auto(config, "quality"),
                plots=_boolean(config, "plots"),
            ),
        )


def leaderboard(runs: Sequence[str], config: Mapping[str, Any]) -> Path:
    """Summarise stored runs, named or given by their folders; returns the folder that was written to.

    Raises:
        UserError: there is no such run, or they cannot be merged.
    """
    request = Request.of(config)
    stored = read([find_run(run, request.runs_dir) for run in runs])
    merged = merge(stored, request.mix)
    folder = request.out or (
        stored[0].folder
        if len(stored) == 1
        else request.runs_dir.parent / "leaderboards" / "+".join(run.folder.name for run in stored)
    )
    summarise(folder, merged.rows, merged.metrics, request.views, merged.notes)
    return folder


def options(config: Mapping[str, Any]) -> Options:
    """How the composed configuration wants rows to be analysed.

    Raises:
        UserError: a value makes no sense.
    """
    return Options(
        cluster=None if config["cluster"] is None else str(config["cluster"]),
        confidence=_confidence(config),
        resamples=_at_least(config, "resamples", 1000),
    )


def find_run(run: str, runs_dir: Path) -> Path:
    """A run's folder. Its name goes before a folder of that name that happens to lie here."""
    named = runs_dir / run
    return named if named.is_dir() or not Path(run).is_dir() else Path(run)


def _names(config: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = config[key]
    entries = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(entry, str) for entry in entries):
        raise UserError(f"{key}: a list of names, got {value!r}")
    return tuple(dict.fromkeys(entries))


def _names_or_auto(config: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    return None if config[key] == "auto" else _names(config, key)


def _boolean(config: Mapping[str, Any], key: str) -> bool:
    if not isinstance(config[key], bool):
        raise UserError(f"{key}: true or false; got {config[key]!r}")
    return bool(config[key])


def _at_least(config: Mapping[str, Any], key: str, minimum: int) -> int:
    value = config[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise UserError(f"{key}: a whole number from {minimum} up; got {value!r}")
    return value


def _confidence(config: Mapping[str, Any]) -> float:
    value = config["confidence"]
    if not isinstance(value, float) or not 0.5 <= value < 1:
        raise UserError(f"confidence: a number from 0.5 to below 1; got {value!r}")
    return value
