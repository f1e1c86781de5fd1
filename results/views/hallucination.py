"""Suspected hallucinations: recordings whose quality score rises while their content score falls.

A non-intrusive quality metric (DNSMOS) improves while a content metric (word error rate, phoneme similarity) worsens,
both relative to the unprocessed recording. Either alone may be chance or harmless; both together are the typical
failure of generative methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results.statistics.analysis import Analysis
from results.statistics.bootstrap import Resampler
from results.statistics.scale import Scale
from results.store.info import UNRANKED, MetricInfo

Array = NDArray[np.float64]

_SHARE = Scale(0.0, 1.0, answers=True)


@dataclass(frozen=True, eq=False)
class Hallucinations:
    """One system compared with the unprocessed recordings, by one content metric and one quality metric.

    Attributes:
        system: its index in the panel.
        n: recordings with both scores, enhanced and unprocessed.
        share, low, high: the share (0 to 1) of these with better quality and worse content, with its interval; a
            recording counts by the share of its seeds.
        content_gain, quality_gain: ``[clips]``, means over seeds, with the sign such that higher is better.
        flagged: ``[clips]``, the share of a clip's seeds; NaN where a score is missing.
    """

    system: int
    content: str
    quality: str
    n: int
    share: float
    low: float
    high: float
    content_gain: Array
    quality_gain: Array
    flagged: Array


def hallucinations(
    analysis: Analysis, content: Sequence[str] | None = None, quality: Sequence[str] | None = None
) -> list[Hallucinations]:
    """The comparison of every processed system, for all pairs of a content and a quality metric.

    Empty without a control (``noisy``) to compare with.

    Args:
        content, quality: names in the registry, or labels; None: all metrics of the aspect "content", and all
            non-intrusive metrics of the aspect "quality".
    """
    systems = analysis.panel.systems
    control = next((at for at, system in enumerate(systems) if system.paradigm == "control"), None)
    if control is None:
        return []
    resampler = Resampler(analysis.panel.unit_count, analysis.options.resamples)
    return [
        found
        for of_content in _chosen(analysis, content, lambda info: info.aspect == "content")
        for of_quality in _chosen(analysis, quality, lambda info: info.aspect == "quality" and not info.intrusive)
        for at in range(len(systems))
        if systems[at].paradigm not in UNRANKED
        and (found := _hallucinations(analysis, at, control, of_content, of_quality, resampler)).n
    ]


def _chosen(analysis: Analysis, names: Iterable[str] | None, meant: Callable[[MetricInfo], bool]) -> list[str]:
    """The shown metrics with these names, in any version and under any label; without names, those ``meant``."""
    if names is None:
        return [name for name in analysis.shown if meant(analysis.metrics[name])]
    wanted = set(names)
    return [name for name in analysis.shown if {name.partition("@")[0], analysis.metrics[name].name} & wanted]


def _hallucinations(
    analysis: Analysis, system: int, control: int, content: str, quality: str, resampler: Resampler
) -> Hallucinations:
    said, sound = _gain(analysis, content, system, control), _gain(analysis, quality, system, control)
    both = np.isfinite(said) & np.isfinite(sound)
    count = both.sum(axis=1)
    with np.errstate(invalid="ignore"):
        flagged = ((said < 0) & (sound > 0)).sum(axis=1) / count
        said_mean, sound_mean = (np.where(both, gain, 0).sum(axis=1) / count for gain in (said, sound))
    by_unit = analysis.panel.by_unit(np.stack([np.nan_to_num(flagged), (count > 0).astype(np.float64)]))
    draws = resampler.ratios(by_unit[:1], by_unit[1:])
    low, high = draws.interval(analysis.options.confidence, _SHARE)
    return Hallucinations(
        *(system, content, quality, int((count > 0).sum())),
        share=float(draws.estimate[0]),
        low=float(low[0]),
        high=float(high[0]),
        content_gain=said_mean,
        quality_gain=sound_mean,
        flagged=flagged,
    )


def _gain(analysis: Analysis, metric: str, system: int, control: int) -> Array:
    """``[clips, seeds]``: improvement over the control, positive where better."""
    scores = analysis.panel.scores[metric]
    return np.asarray(analysis.metrics[metric].direction * (scores.samples[system] - scores.clips[control][:, None]))


def remarks(analysis: Analysis, found: Iterable[Hallucinations]) -> list[str]:
    """A line for each system and pair of metrics with suspect recordings."""
    return [
        f"{analysis.panel.systems[view.system].label}: {100 * view.share:.0f} %{_interval(view)} "
        f"of {view.n} recordings sound better than unprocessed "
        f"({analysis.metrics[view.quality].label}) and say less of it ({analysis.metrics[view.content].label})"
        for view in found
        if view.share > 0
    ]


def _interval(view: Hallucinations) -> str:
    return "" if np.isnan(view.low) else f" [{100 * view.low:.0f}, {100 * view.high:.0f}]"


def hallucination_frame(analysis: Analysis, found: Iterable[Hallucinations]) -> pd.DataFrame:
    """One line per system and pair of metrics: the share with its interval, and the mean gains."""
    columns = [
        *("dataset", "method", "steps", "content", "quality", "n", "share", "ci_low", "ci_high"),
        *("content_gain", "quality_gain"),
    ]
    records = [
        {
            **_about(analysis, view),
            **{"n": view.n, "share": view.share, "ci_low": view.low, "ci_high": view.high},
            "content_gain": float(np.nanmean(view.content_gain)),
            "quality_gain": float(np.nanmean(view.quality_gain)),
        }
        for view in found
    ]
    return pd.DataFrame(records, columns=columns).astype({"steps": "Int64"})


def suspects_frame(analysis: Analysis, found: Iterable[Hallucinations]) -> pd.DataFrame:
    """One line per flagged recording, sorted by loss of content, the largest first: the clips to listen to."""
    columns = [
        "dataset",
        "utterance",
        "method",
        "steps",
        "content",
        "quality",
        "flagged",
        "content_gain",
        "quality_gain",
    ]
    records = [
        {
            **_about(analysis, view),
            "utterance": analysis.panel.clips[clip],
            "flagged": view.flagged[clip],
            "content_gain": view.content_gain[clip],
            "quality_gain": view.quality_gain[clip],
        }
        for view in found
        for clip in np.flatnonzero(np.nan_to_num(view.flagged) > 0)
    ]
    frame = pd.DataFrame(records, columns=columns).astype({"steps": "Int64"})
    return frame.sort_values(["content", "content_gain", "utterance"], ignore_index=True)


def _about(analysis: Analysis, view: Hallucinations) -> dict[str, object]:
    system = analysis.panel.systems[view.system]
    return {
        **{"dataset": analysis.panel.dataset, "method": system.method, "steps": system.steps},
        **{"content": view.content, "quality": view.quality},
    }
