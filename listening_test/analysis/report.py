"""The report of a listening test: a Markdown page, its tables as CSV files, and plots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from bench.core.errors import UserError, did_you_mean
from listening_test.analysis import correlation, fonts, plots, sections
from listening_test.analysis import panel as panels
from listening_test.analysis import ratings as analysis
from listening_test.analysis.markdown import with_interval
from listening_test.analysis.ratings import Unit
from listening_test.analysis.reliability import reliability
from listening_test.analysis.screening import Rule
from listening_test.analysis.sections import BEFORE, Report
from listening_test.design.mapping import Kind, Test
from results.plots import figures
from results.store.rows import Key, Row
from results.views import markup

MID_ANCHOR = "lowpass_7000"

MEASURED: Mapping[Kind, str] = {
    "mushra": "quality from 0 to 100 (MUSHRA, ITU-R BS.1534-3)",
    "mos": "opinion scores from 1 to 5 (ITU-T P.800)",
    "ab": "preference between two (AB)",
    "abx": "whether two can be told apart (ABX)",
    "ccr": "comparison scores from -3 to 3 (CCR, ITU-T P.800)",
}

MEANING: Mapping[Kind, str] = {
    "ab": "Score: share that found the first condition better, less the share that found the other better.",
    "abx": "Score: share of right answers; guessing gives 0.5.",
    "ccr": "Score: the first condition against the other, from -3 (much worse) to 3 (much better).",
}


@dataclass(frozen=True)
class Options:
    """Options of the analysis; ``bench mushra analyse --help`` explains them."""

    sessions: Sequence[str]
    mid_anchor: str | None
    by: str | None
    unit: Unit
    power: Sequence[float]
    seed: int
    rule: Rule = "fitted"
    exclude: Mapping[str, str] = field(default_factory=dict)
    include: Mapping[str, str] = field(default_factory=dict)


def analyse(
    test: Test,
    ratings: pd.DataFrame,
    rows: Mapping[Key, Row] | None,
    options: Options,
    folder: Path,
    headphones: Mapping[str, str] | None = None,
) -> Report:
    """Analyse ``ratings`` of ``test`` into ``folder``.

    Args:
        rows: of the run; None: no correlations.
        headphones: results of the headphone check, as "5 of 6", by listener.

    Raises:
        UserError: no rating is left, or an option names something that the test does not have. No file is changed then.
    """
    used = ratings[ratings["status"].isin(list(options.sessions)) & ~ratings["training"]]
    if used.empty:
        found = ", ".join(f"{n} {status}" for status, n in ratings.groupby("status")["session"].nunique().items())
        raise UserError(f"sessions: none is {' or '.join(options.sessions)}; there are: {found or 'none'}")
    anchor, by = _mid_anchor(test, options), _tags(test, options.by)
    panel = panels.judge(
        used,
        test,
        mid_anchor=anchor,
        rule=options.rule,
        headphones=headphones or {},
        exclude=options.exclude,
        include=options.include,
    )
    kept = used[~used["listener"].isin(list(panel.left_out))]
    nobody = kept.empty
    kept = used if nobody else kept
    report = Report(folder)
    report.clear()
    _title(report, test, used, kept, ratings)
    _undrawn(report, test)
    if nobody:
        report.say("**By the rules below nobody is left, so everything is of all listeners.**")
    twice = reliability(used)
    used, kept = used[~used["again"]], kept[~kept["again"]]
    if test.kind in MEANING:
        _pairs(report, test, kept, options)
    else:
        _scores(report, test, used, kept, rows, options, by)
    if len(twice):
        sections.reliability(report, twice)
    sections.listeners(report, panel, options.rule, int(panel.signs["items"].max()), anchor)
    report.write()
    return report


def _title(report: Report, test: Test, used: pd.DataFrame, kept: pd.DataFrame, ratings: pd.DataFrame) -> None:
    title = str(test.config.get("title", "Listening test"))
    report.say(f"# {markup.markdown(title)}: {MEASURED[test.kind]}")
    aside = ratings["session"].nunique() - used["session"].nunique()
    people, everybody = kept["listener"].nunique(), used["listener"].nunique()
    of = "" if people == everybody else f" of {everybody}"
    report.say(
        f"{people}{of} listeners, {kept['utterance'].nunique()} clips, {len(kept)} ratings; {aside} sessions left "
        f"aside. Test {markup.markdown(test.name)}."
    )


def _undrawn(report: Report, test: Test) -> None:
    """Say which characters no installed font has."""
    _, missing = fonts.families([*test.conditions, str(test.config.get("title", ""))])
    if missing:
        shown = markup.markdown("".join(sorted(missing)))
        report.say(f"No installed font draws {shown} in the picture; install one that does, such as Noto Sans CJK.")


def _picture(report: Report, figure: Figure, name: str, what: str) -> None:
    figures.save(figure, report.folder, name)
    report.say(f"![{what}]({name}.png)")


def _pairs(report: Report, test: Test, ratings: pd.DataFrame, options: Options) -> None:
    table = analysis.comparisons(ratings, test.kind, list(test.conditions), options.seed)
    _picture(report, plots.pairs(table, test.kind), "pairs", "Scores of pairs with 95 % intervals")
    report.say(f"## Pairs\n\n{MEANING[test.kind]}")
    report.table("pairs", table, with_interval(table, "score"))
    speaks = {
        "abx": "The interval and p take all answers as independent, and speak of these listeners and clips.",
        "ab": "The interval speaks of other listeners and other clips, p (Wilcoxon, over listeners) of other listeners "
        "with these very clips.",
    }
    report.say(speaks.get(test.kind, speaks["ab"]))


def _scores(
    report: Report,
    test: Test,
    everyone: pd.DataFrame,
    kept: pd.DataFrame,
    rows: Mapping[Key, Row] | None,
    options: Options,
    by: Mapping[tuple[str, str], str] | None,
) -> None:
    versions = {"": kept} if len(kept) == len(everyone) else {"": kept, BEFORE: everyone}
    title = str(test.config.get("title", "Listening test"))
    for suffix, version in versions.items():
        when = "" if len(versions) == 1 else " before screening" if suffix else " after screening"
        labels = None if by is None else _labels(version, by, str(options.by))
        figure = plots.boxplot(version, test.conditions, test.kind, f"{title}{when}", labels)
        if not suffix:
            _picture(report, figure, "boxplot", f"Box plot{when}")
        report.say(f"## Ratings{when}")
        table = analysis.summaries(version, list(test.conditions), test.kind, options.seed)
        shown = with_interval(table, "median", "median_low", "median_high")
        shown = with_interval(shown, "mean", "mean_low", "mean_high")
        report.table(f"conditions{suffix}", table, shown.drop(columns=["listeners", "clips"]))
        if suffix:
            _picture(report, figure, f"boxplot{suffix}", f"Box plot{when}")
    report.say(
        "Intervals: 95 %, for other listeners and other clips; - where there are too few of either to exclude any part "
        "of the scale."
    )
    compared = [label for label, c in test.conditions.items() if c.role == "system" or label == "mixture"]
    sections.differences(report, kept, compared, test.kind, options.unit)
    sections.model(report, kept, compared)
    sections.assumptions(report, kept, compared)
    if rows is None:
        report.say("## Metrics and ratings", "The run is no longer where it was; name its folder with run=DIR.")
    else:
        report.say("## Metrics and ratings", "Over clips and conditions, ratings averaged over listeners.")
        table = correlation.correlations(kept, test, rows)
        shown = with_interval(table, "pearson", "pearson_low", "pearson_high")
        report.table("correlations", table, with_interval(shown, "spearman", "spearman_low", "spearman_high"))
    sections.needed(report, kept, compared, options.power)


def _mid_anchor(test: Test, options: Options) -> str | None:
    """The mid-range anchor for screening listeners; None if there is none."""
    if options.mid_anchor in (None, "auto"):
        return MID_ANCHOR if options.mid_anchor and MID_ANCHOR in test.conditions else None
    if options.mid_anchor not in test.conditions:
        raise did_you_mean("condition of the test", options.mid_anchor, test.conditions)
    return options.mid_anchor


def _tags(test: Test, by: str | None) -> dict[tuple[str, str], str] | None:
    """Each clip's value of the tag ``by``."""
    if by is None:
        return None
    known = sorted({tag for clip in test.clips.values() for tag in clip.tags})
    if by not in known:
        raise did_you_mean("tag of the clips", by, known)
    return {(clip.dataset, clip.utterance): str(clip.tags.get(by, "none")) for clip in test.clips.values()}


def _labels(ratings: pd.DataFrame, by: Mapping[tuple[str, str], str], name: str) -> pd.Series:
    places: Iterable[tuple[str, str]] = zip(ratings["dataset"], ratings["utterance"], strict=True)
    return pd.Series([by[place] for place in places], index=ratings.index, name=name)
