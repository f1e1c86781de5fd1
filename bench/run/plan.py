"""The cells of a run, and which of them are still to be computed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from bench.core.errors import UserError
from bench.datasets.base import Dataset
from bench.run.draw import draw
from bench.run.parts import Parts
from bench.run.settings import Rescore, Settings
from bench.run.shard import Shard
from results.store.rows import Key
from results.store.standings import Standing


@dataclass(frozen=True)
class Cell:
    """The work for one row.

    Attributes:
        key: of the row.
        metrics: the scores to compute.
        enhance: False if only the stored audio must be scored.
    """

    key: Key
    metrics: tuple[str, ...]
    enhance: bool = True


Drawn = Literal["balanced", "first"]
"""The recordings that ``limit`` takes: a draw (``bench.run.draw``); or the first, as runs of earlier versions did."""


def keys(
    settings: Settings,
    parts: Parts,
    drawn: Drawn = "balanced",
    held: Mapping[str, Collection[str]] | None = None,
) -> list[Key]:
    """The keys of all requested rows, utterance by utterance, so that an interrupted run has all methods on the same
    recordings.

    Methods without steps have one row for all step counts, deterministic methods one row for all seeds.

    Args:
        held: of each dataset, the ids of the recordings that there are to choose from; None: all.

    Raises:
        UserError: no recording is in the run's shard.
    """
    shard = Shard.of(settings.shard) if settings.shard else None
    wanted = [
        Key(dataset, method, step, seed, utterance)
        for dataset in parts.datasets
        for utterance in recordings(parts.dataset(dataset), settings.limit, drawn, held and held[dataset])
        if shard is None or shard.has(dataset, utterance)
        for method in parts.methods
        for step in (settings.steps if parts.method(method).uses_steps else (None,))
        for seed in (settings.seeds if parts.method(method).stochastic else (None,))
    ]
    if shard and not wanted:
        raise UserError(f"shard: none of the recordings is in shard {shard}; take fewer shards")
    return wanted


def recordings(
    dataset: Dataset, limit: int | None, drawn: Drawn = "balanced", held: Collection[str] | None = None
) -> list[str]:
    """The ids of at most ``limit`` recordings of a dataset, of those that are ``held``, in its order."""
    ids = [name for name in dataset.ids() if held is None or name in held]
    if limit is None or drawn == "first":
        return ids[:limit]
    return draw(dataset.name, {name: dataset.tags(name) for name in ids}, limit)


def plan(
    wanted: Sequence[Key],
    stored: Mapping[Key, Standing],
    versions: Mapping[str, str],
    has_audio: Callable[[Key], bool],
    rescore: Rescore = False,
    left_out: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Iterator[Cell]:
    """The cells of ``wanted`` that are not, or not fully, in ``stored``.

    Failures (``error``) are tried again; ``undefined`` and ``skipped`` are final. A row that only lacks scores is
    scored from its stored audio if that was saved.

    Args:
        versions: of every requested metric, by its label.
        rescore: compute all scores again; or, with "outdated", those of another version of their metric.
        left_out: metrics that a dataset is not scored by, by its label.
    """
    for key in wanted:
        standing = stored.get(key)
        asked = [name for name in versions if name not in left_out.get(key.dataset, ())]
        if standing is None or standing.status != "ok":
            yield Cell(key, tuple(asked))
        elif lacking := tuple(name for name in asked if not _answered(standing, name, versions[name], rescore)):
            yield Cell(key, lacking, enhance=not has_audio(key))


def in_blocks(cells: Sequence[Cell], size: int) -> list[Cell]:
    """Cells in blocks of ``size`` recordings, in each of them method by method, so that clips can share network calls.

    An interrupted run then has all methods on the same recordings but for one block.
    """
    if size == 1:
        return list(cells)
    recordings: dict[tuple[str, str], int] = {}

    def place(cell: Cell) -> tuple[int, str, int, int]:
        key = cell.key
        number = recordings.setdefault((key.dataset, key.utterance), len(recordings))
        return number // size, key.method, -1 if key.steps is None else key.steps, -1 if key.seed is None else key.seed

    return sorted(cells, key=place)


def _answered(standing: Standing, metric: str, version: str, rescore: Rescore) -> bool:
    status = standing.scores.get(metric, "error")
    never = status == "skipped" and metric not in standing.metric_versions  # left out when it was stored
    if status == "error" or never or rescore is True:
        return False
    return rescore is False or standing.metric_versions.get(metric) == version
