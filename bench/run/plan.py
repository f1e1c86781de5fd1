"""The cells of a run, and which of them are still to be computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.run.parts import Parts
from bench.run.settings import Rescore, Settings
from results.store.rows import Key, Row


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


def keys(settings: Settings, parts: Parts) -> list[Key]:
    """The keys of all requested rows, utterance by utterance, so that an interrupted run has all methods on the same
    recordings.

    Methods without steps have one row for all step counts, deterministic methods one row for all seeds.
    """
    return [
        Key(dataset, method, step, seed, utterance)
        for dataset in parts.datasets
        for utterance in parts.dataset(dataset).ids()[: settings.limit]
        for method in parts.methods
        for step in (settings.steps if parts.method(method).uses_steps else (None,))
        for seed in (settings.seeds if parts.method(method).stochastic else (None,))
    ]


def plan(
    wanted: Sequence[Key],
    stored: Mapping[Key, Row],
    versions: Mapping[str, str],
    has_audio: Callable[[Key], bool],
    rescore: Rescore = False,
) -> Iterator[Cell]:
    """The cells of ``wanted`` that are not, or not fully, in ``stored``.

    Failures (``error``) are tried again; ``undefined`` and ``skipped`` are final. A row that only lacks scores is
    scored from its stored audio if that was saved.

    Args:
        versions: of every requested metric, by its label.
        rescore: compute all scores again; or, with "outdated", those of another version of their metric.
    """
    for key in wanted:
        row = stored.get(key)
        if row is None or row.status != "ok":
            yield Cell(key, tuple(versions))
        elif lacking := tuple(name for name in versions if not _answered(row, name, versions[name], rescore)):
            yield Cell(key, lacking, enhance=not has_audio(key))


def _answered(row: Row, metric: str, version: str, rescore: Rescore) -> bool:
    score = row.scores.get(metric)
    if score is None or score.status == "error" or rescore is True:
        return False
    return rescore is False or row.metric_versions.get(metric) == version
