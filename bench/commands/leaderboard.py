"""``bench leaderboard RUN ...``: stored runs, merged and summarised; no score is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.commands import settings
from bench.commands.settings import Analysed
from results.statistics.analysis import Options
from results.store.find import find_run
from results.store.merge import merge, read
from results.views.summary import Views, summarise


def leaderboard(runs: Sequence[str], config: Mapping[str, Any]) -> Path:
    """Summarise stored runs, named or given by their folders; returns the folder that was written to.

    Raises:
        UserError: there is no such run, or they cannot be merged.
    """
    request = settings.Leaderboard.of(config)
    stored = read([find_run(run, request.runs_dir) for run in runs])
    merged = merge(stored, request.mix)
    folder = request.out or (
        stored[0].folder
        if len(stored) == 1
        else request.runs_dir.parent / "leaderboards" / "+".join(run.folder.name for run in stored)
    )
    summarise(folder, merged.rows, merged.metrics, views(request), merged.notes)
    return folder


def options(asked: Analysed) -> Options:
    """How rows are analysed."""
    return Options(cluster=asked.cluster, confidence=asked.confidence, resamples=asked.resamples)


def views(asked: settings.Leaderboard) -> Views:
    """What is written beside the leaderboard."""
    return Views(
        options=options(asked),
        strata=names(asked.strata),
        bins=asked.bins,
        mixed=names(asked.mixed) or (),
        content=names(asked.content),
        quality=names(asked.quality),
        plots=asked.plots,
    )


def names(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Names, each once; none for null; None for auto."""
    return None if given == "auto" else tuple(dict.fromkeys(given or ()))
