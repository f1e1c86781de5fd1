"""The leaderboard's summaries for subsets of a dataset: by SNR, T60, noise, sex, or any other tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.core.errors import did_you_mean
from bench.core.types import Tag
from results.statistics.analysis import Analysis, Options
from results.statistics.panel import Panel
from results.statistics.summaries import MetricSummary, describe, why_missing

MOST_NAMES = 12
"""A text tag with more distinct values is regarded as a name and not used for strata by default."""

MOST_LEVELS = 8
"""A numeric tag with at most this many distinct values (SNR) has a stratum for each; with more (T60), for each bin."""


@dataclass(frozen=True, eq=False)
class Stratum:
    """The recordings with one value (or bin of values) of a tag, and by metric a summary for each system."""

    tag: str
    value: str
    panel: Panel
    metrics: Mapping[str, list[MetricSummary]]


def stratify(analysis: Analysis, tags: Sequence[str] | None = None, bins: int = 4) -> list[Stratum]:
    """The strata of each tag, by value. Recordings without the tag are in no stratum.

    Args:
        tags: None: every tag with more than one value, except names (see ``MOST_NAMES``) and the tag of the units.
        bins: the number of bins, of about equally many recordings, for numeric tags with many values (see
            ``MOST_LEVELS``).
    """
    panel, options = analysis.panel, analysis.options
    chosen = [tag for tag in panel.tags if tag != panel.unit and _tells(panel.tags[tag])] if tags is None else tags
    return [
        _stratum(tag, value, panel.of(clips), options)
        for tag in chosen
        if tag in panel.tags
        for value, clips in parts(panel.tags[tag], bins).items()
    ]


def check_tags(analyses: Sequence[Analysis], tags: Iterable[str]) -> None:
    """Check that each tag exists.

    Raises:
        UserError: no recording has the tag; the message names the nearest existing one.
    """
    known = {tag for analysis in analyses for tag in analysis.panel.tags}
    for tag in tags:
        if tag not in known:
            raise did_you_mean("tag", tag, known)


def parts(values: Sequence[Tag | None], bins: int) -> dict[str, list[int]]:
    """The indices of the recordings with each value, or in each bin of numbers, in ascending order."""
    known = [(value, place) for place, value in enumerate(values) if value is not None]
    numbers = [(value, place) for value, place in known if not isinstance(value, str)]
    found: dict[str, list[int]] = {}
    if len(numbers) < len(known) or len({value for value, _ in known}) <= MOST_LEVELS:
        for value, place in sorted(known, key=lambda entry: _order(entry[0])):
            found.setdefault(_text(value), []).append(place)
        return found
    amounts = np.array([value for value, _ in numbers], dtype=np.float64)
    edges = np.unique(np.quantile(amounts, np.linspace(0, 1, bins + 1)[1:-1]))
    for part in range(len(edges) + 1):
        inside = np.flatnonzero(np.searchsorted(edges, amounts, side="left") == part)
        if inside.size:
            low, high = amounts[inside].min(), amounts[inside].max()
            label = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            found[label] = [numbers[index][1] for index in inside]
    return found


def strata_frame(strata: Iterable[Stratum], dataset: str) -> pd.DataFrame:
    """One line per tag, value, system and metric, with the same statistics as the leaderboard."""
    columns = [
        *("dataset", "tag", "value", "method", "steps", "paradigm", "metric", "mean", "ci_low", "ci_high"),
        *("median", "sd", "n", "missing", "reasons", "unit", "units"),
    ]
    records = [
        {
            **{"dataset": dataset, "tag": stratum.tag, "value": stratum.value},
            **{"method": system.method, "steps": system.steps, "paradigm": system.paradigm},
            **{"metric": metric, "mean": of.mean, "ci_low": of.low, "ci_high": of.high, "median": of.median},
            **{"sd": of.sd, "n": of.n, "missing": sum(of.missing.values()), "reasons": why_missing(of.reasons)},
            **{"unit": stratum.panel.unit, "units": of.units},
        }
        for stratum in strata
        for number, system in enumerate(stratum.panel.systems)
        for metric, of_systems in stratum.metrics.items()
        for of in of_systems[number : number + 1]
        if of.n or of.missing.keys() - {"skipped"}
    ]
    return pd.DataFrame(records, columns=columns).astype({"steps": "Int64"})


def _stratum(tag: str, value: str, panel: Panel, options: Options) -> Stratum:
    return Stratum(tag, value, panel, describe(panel, options.confidence, options.resamples))


def _tells(values: Sequence[Tag | None]) -> bool:
    different = set(values) - {None}
    names = any(isinstance(value, str) for value in different) and len(different) > MOST_NAMES
    return len(different) > 1 and not names


def _order(value: Tag) -> tuple[bool, float, str]:
    return (True, 0.0, value) if isinstance(value, str) else (False, float(value), "")


def _text(value: Tag) -> str:
    return value if isinstance(value, str) else f"{value:g}"
