"""From rows to one summary per (dataset, method, steps).

Utterances are the data. A clip enhanced with several seeds is averaged over them first, so that
seeds do not pass for more data, and standard deviations are over utterances.

The standard deviation is the sample's, ``ddof=1`` (undefined, NaN, for one utterance). The reference
implementations of SGMSE and StoRM print the population's, ``ddof=0``: smaller by sqrt((n - 1) / n).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.core.types import Score, Status
from results.info import PARADIGMS
from results.rows import Row

_GRAVITY: tuple[Status, ...] = ("skipped", "undefined", "error")


@dataclass(frozen=True)
class MetricSummary:
    """One metric over utterances.

    Attributes:
        mean, sd: over the ``n`` utterances with a value; NaN where there are too few.
        missing: how many utterances have no value, by status.
    """

    mean: float
    sd: float
    n: int
    missing: Mapping[Status, int]


@dataclass(frozen=True)
class Summary:
    """One method on one dataset with one number of steps.

    Attributes:
        utterances, seeds: how many different ones the rows hold.
        failed: rows whose enhancement, or any score, ended in ``error``.
        nfe: mean network calls per utterance, NaN if none was counted.
        nfe_varies: whether they differ between utterances.
        rtf: real-time factor: all seconds of work over all seconds of speech, i.e. what enhancing
            the whole set costs. A mean of the rows' own factors would let short clips, whose fixed
            costs weigh most, count as much as long ones.
        metrics: by metric name.
    """

    dataset: str
    method: str
    steps: int | None
    paradigm: str
    utterances: int
    seeds: int
    failed: int
    nfe: float
    nfe_varies: bool
    rtf: float
    metrics: Mapping[str, MetricSummary]


def summarise(rows: Iterable[Row], metrics: Iterable[str]) -> list[Summary]:
    """One ``Summary`` per (dataset, method, steps), by dataset, paradigm, method and steps."""
    metrics = list(metrics)
    return [_summarise_group(group, metrics) for group in grouped(rows)]


def grouped(rows: Iterable[Row]) -> list[list[Row]]:
    """The rows of each (dataset, method, steps), in the order in which tables list them."""
    groups: dict[tuple[str, str, int | None], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.key.dataset, row.key.method, row.key.steps].append(row)
    return sorted((sorted(group, key=lambda row: row.key) for group in groups.values()), key=_rank)


def _rank(group: Sequence[Row]) -> tuple[str, int, str, str, int]:
    key, paradigm = group[0].key, group[0].paradigm
    place = PARADIGMS.index(paradigm) if paradigm in PARADIGMS else len(PARADIGMS)
    return key.dataset, place, paradigm, key.method, -1 if key.steps is None else key.steps


def clip_scores(group: Iterable[Row], metric: str) -> dict[str, Score]:
    """Each utterance's score: the mean over the seeds that have a value.

    Without any value it is missing, with the gravest of its seeds' statuses.
    """
    by_utterance: dict[str, list[Score]] = defaultdict(list)
    for row in group:
        by_utterance[row.key.utterance].append(row.score(metric))
    return {utterance: _over_seeds(scores) for utterance, scores in by_utterance.items()}


def _over_seeds(scores: Sequence[Score]) -> Score:
    values = [score.value for score in scores if score.value is not None]
    if values:
        return Score(float(np.mean(values)))
    return max(scores, key=lambda score: _GRAVITY.index(score.status))


def describe(scores: Iterable[Score]) -> MetricSummary:
    """Mean, standard deviation (``ddof=1``) and n of the values; the rest counted by status."""
    scores = list(scores)
    values = np.array([score.value for score in scores if score.value is not None])
    return MetricSummary(
        mean=float(values.mean()) if values.size else math.nan,
        sd=float(values.std(ddof=1)) if values.size > 1 else math.nan,
        n=values.size,
        missing=dict(Counter(score.status for score in scores if score.value is None)),
    )


def _summarise_group(group: Sequence[Row], metrics: Sequence[str]) -> Summary:
    nfes = [row.nfe for row in group if row.status == "ok" and row.nfe is not None]
    timed = [
        (row.enhance_seconds, row.seconds)
        for row in group
        if row.status == "ok" and row.enhance_seconds is not None and row.seconds
    ]
    return Summary(
        dataset=group[0].key.dataset,
        method=group[0].key.method,
        steps=group[0].key.steps,
        paradigm=group[0].paradigm,
        utterances=len({row.key.utterance for row in group}),
        seeds=len({row.key.seed for row in group}),
        failed=sum(row.failed for row in group),
        nfe=float(np.mean(nfes)) if nfes else math.nan,
        nfe_varies=len(set(nfes)) > 1,
        rtf=sum(work for work, _ in timed) / sum(length for _, length in timed) if timed else math.nan,
        metrics={metric: describe(clip_scores(group, metric).values()) for metric in metrics},
    )
