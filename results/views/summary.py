"""Write and print the summary of a run: leaderboard, comparisons, strata, further views and plots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.core import tables
from bench.core.errors import did_you_mean
from bench.core.files import naming, safe_name
from results.statistics.analysis import Options
from results.store.info import MetricInfo
from results.store.rows import Row

if TYPE_CHECKING:
    import pandas as pd

    from results.statistics.analysis import Analysis
    from results.views.behaviour import Correlation
    from results.views.findings import Noted
    from results.views.hallucination import Hallucinations
    from results.views.strata import Stratum


@dataclass(frozen=True)
class Views:
    """The views to compute besides the leaderboard; ``bench leaderboard --help`` explains the keys.

    Attributes:
        strata: tags; None: every suitable tag (``results.views.strata.stratify``).
        content, quality: the metrics for suspected hallucinations; None: chosen by the metrics' aspects.
    """

    options: Options = field(default_factory=Options)
    strata: Sequence[str] | None = None
    bins: int = 4
    mixed: Sequence[str] = ()
    content: Sequence[str] | None = None
    quality: Sequence[str] | None = None
    plots: bool = True


def summarise(
    folder: Path,
    rows: Iterable[Row],
    metrics: Mapping[str, MetricInfo],
    views: Views | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Write everything to ``folder`` and print the leaderboard.

    Args:
        rows: the scores under one metric name are all of one version (``results.store.versions``).
        notes: remarks on the rows; printed, and written below the tables.

    Raises:
        UserError: a requested tag or metric does not exist, or a file cannot be written.
    """
    from results.statistics.analysis import analyse
    from results.store.frame import write_csv as write_rows
    from results.store.reading import as_rows
    from results.views.leaderboard import comparisons, leaderboard
    from results.views.terminal import render
    from results.views.typeset import write_tables

    rows, views = as_rows(rows), views or Views()
    analyses = analyse(rows, metrics, views.options)
    _check(analyses, metrics, views)
    looks = [look_at(analysis, views) for analysis in analyses]
    tables.write(leaderboard(analyses, metrics), folder / "leaderboard.csv")
    tables.write(comparisons(analyses), folder / "comparisons.csv")
    write_rows(rows, folder)
    _write_views(looks, folder)
    remarks = [look.remarks for look in looks]
    write_tables(analyses, folder, remarks, notes)
    render(analyses, remarks, notes)
    if views.plots:
        _draw(looks, folder / "plots")


@dataclass(frozen=True)
class Look:
    """A dataset's analysis with its further views."""

    analysis: Analysis
    strata: Sequence[Stratum]
    correlations: Sequence[Correlation]
    hallucinations: Sequence[Hallucinations]
    mixed: Sequence[pd.DataFrame]
    noted: Sequence[Noted]
    remarks: Sequence[str]


def _check(analyses: Sequence[Analysis], metrics: Mapping[str, MetricInfo], views: Views) -> None:
    from results.views.strata import check_tags

    default = Views()
    cluster = views.options.cluster
    asked = [cluster] if cluster and cluster != default.options.cluster else []  # the default tag may be absent
    check_tags(analyses, [*(views.strata or ()), *asked])
    named = {*metrics, *(info.name for info in metrics.values())}
    for known, names in ((metrics, views.mixed), (named, (*(views.content or ()), *(views.quality or ())))):
        for metric in names:
            if metric not in known:
                raise did_you_mean("metric", metric, known)


def look_at(analysis: Analysis, views: Views) -> Look:
    from results.statistics.mixed import mixed_frame
    from results.views import findings
    from results.views.behaviour import correlate, goodhart
    from results.views.hallucination import hallucinations, remarks
    from results.views.strata import stratify

    noted = findings.noted(analysis)
    invented = hallucinations(analysis, views.content, views.quality)
    return Look(
        analysis,
        strata=stratify(analysis, views.strata, views.bins),
        correlations=correlate(analysis),
        hallucinations=invented,
        mixed=[mixed_frame(analysis, metric) for metric in views.mixed],
        noted=noted,
        remarks=[
            *findings.remarks(analysis, noted),
            *findings.barred(analysis),
            *goodhart(analysis),
            *remarks(analysis, invented),
        ],
    )


def _write_views(looks: Sequence[Look], folder: Path) -> None:
    """Write one table per view, with all datasets; the file of an empty view is removed."""
    import pandas as pd

    from results.views.behaviour import correlation_frame
    from results.views.findings import findings_frame
    from results.views.hallucination import hallucination_frame, suspects_frame
    from results.views.seeds import seed_frame
    from results.views.strata import strata_frame

    views = {
        "strata": [strata_frame(look.strata, look.analysis.panel.dataset) for look in looks],
        "metric_correlations": [correlation_frame(look.correlations, look.analysis.panel.dataset) for look in looks],
        "hallucinations": [hallucination_frame(look.analysis, look.hallucinations) for look in looks],
        "hallucinated_clips": [suspects_frame(look.analysis, look.hallucinations) for look in looks],
        "findings": [findings_frame(look.analysis, look.noted) for look in looks],
        "seeds": [seed_frame(look.analysis) for look in looks],
        "mixed": [frame for look in looks for frame in look.mixed],
    }
    for name, frames in views.items():
        path = folder / f"{name}.csv"
        if filled := [frame for frame in frames if not frame.empty]:
            tables.write(pd.concat(filled), path)
        else:
            with naming(path):
                path.unlink(missing_ok=True)


def _draw(looks: Sequence[Look], folder: Path) -> None:
    from results.plots import figures
    from results.plots.correlations import correlation_map
    from results.plots.pareto import quality_by_cost
    from results.plots.plane import noise_artefact_plane
    from results.plots.scores import scores_by_method, scores_by_nfe
    from results.plots.strata import scores_by_stratum

    for look in looks:
        drawn = {
            "scores": scores_by_method(look.analysis),
            "nfe": scores_by_nfe(look.analysis),
            "metrics": correlation_map(look.analysis, look.correlations),
            "plane": noise_artefact_plane(look.analysis),
            "cost": quality_by_cost(look.analysis),
        }
        for tag in dict.fromkeys(stratum.tag for stratum in look.strata):
            of_tag = [stratum for stratum in look.strata if stratum.tag == tag]
            drawn[f"by_{safe_name(tag)}"] = scores_by_stratum(look.analysis, of_tag)
        for name, figure in drawn.items():
            if figure is not None:
                figures.save(figure, folder, f"{name}_{safe_name(look.analysis.panel.dataset)}")
