"""The report of a listening test: a Markdown page, its tables as CSV files, and box plots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from bench.core import tables
from bench.core.errors import UserError, did_you_mean
from bench.core.files import naming, replacing
from listening_test.analysis import correlation, mixed, plots, power
from listening_test.analysis import ratings as analysis
from listening_test.analysis.ratings import Unit
from listening_test.analysis.screening import post_screen
from listening_test.design.mapping import Kind, Test
from results.plots import figures
from results.store.rows import Key, Row
from results.views import markup

MID_ANCHOR = "lowpass_7000"

BEFORE = "_before_screening"
TABLES = ("screening", f"conditions{BEFORE}", "conditions", "pairs", "mixed_model", "correlations", "power")
PLOTS = (f"boxplot{BEFORE}", "boxplot")


@dataclass(frozen=True)
class Options:
    """Options of the analysis; ``bench mushra analyse --help`` explains them."""

    sessions: Sequence[str]
    mid_anchor: str | None
    by: str | None
    unit: Unit
    power: Sequence[float]
    seed: int


@dataclass
class Report:
    """The report's text, and the folder for its tables and plots."""

    folder: Path
    lines: list[str] = field(default_factory=list)

    def clear(self) -> None:
        """Remove the files of an earlier report."""
        names = [f"{name}.csv" for name in TABLES]
        names += [f"{name}.{suffix}" for name in PLOTS for suffix in figures.FORMATS]
        with naming(self.folder):
            for name in names:
                (self.folder / name).unlink(missing_ok=True)

    def say(self, *lines: str) -> None:
        self.lines += [*lines, ""]

    def table(self, name: str, table: pd.DataFrame) -> None:
        """Add a table: rounded in the report, in full precision in ``name``.csv."""
        tables.write(table, self.folder / f"{name}.csv")
        self.say(*markdown(table))

    def write(self) -> Path:
        path = self.folder / "report.md"
        with replacing(path) as temporary:
            temporary.write_text("\n".join(self.lines).rstrip() + "\n", encoding="utf-8")
        return path


def analyse(
    test: Test, ratings: pd.DataFrame, rows: Mapping[Key, Row] | None, options: Options, folder: Path
) -> Report:
    """Analyse ``ratings`` of ``test`` into ``folder``.

    Args:
        rows: of the run; None: no correlations.

    Raises:
        UserError: no rating is left, or an option names something that the test does not have. No file is changed then.
    """
    report = Report(folder)
    report.say(f"# {markup.markdown(_title(test))} ({markup.markdown(test.name)})")
    used = ratings[ratings["status"].isin(list(options.sessions)) & ~ratings["training"]]
    if used.empty:
        found = ", ".join(f"{n} {status}" for status, n in ratings.groupby("status")["session"].nunique().items())
        raise UserError(f"sessions: none is {' or '.join(options.sessions)}; there are: {found or 'none'}")
    left = ratings["session"].nunique() - used["session"].nunique()
    report.say(
        f"{used['listener'].nunique()} listeners, {used['utterance'].nunique()} clips, {len(used)} ratings; "
        f"{left} sessions left aside."
    )
    anchor, by = _mid_anchor(test, options), _panels(test, options.by)
    report.clear()
    if test.kind in ("ab", "abx", "ccr"):
        _pairs(report, test, used, options)
    else:
        _scores(report, test, used, rows, options, anchor, by)
    report.write()
    return report


def markdown(table: pd.DataFrame) -> list[str]:
    """A Markdown table with numbers to three significant digits and escaped text."""
    cells = [[markup.markdown(str(name).replace("_", " ")) for name in table.columns]]
    cells += [[_cell(value) for value in line] for line in table.itertuples(index=False)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(table.columns))]
    shown = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |" for line in cells]
    return [shown[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *shown[1:]]


def _pairs(report: Report, test: Test, ratings: pd.DataFrame, options: Options) -> None:
    meaning = {
        "ab": "Score: share that found the first condition better, less the share that found the other better.",
        "abx": "Score: share of right answers; guessing gives 0.5.",
        "ccr": "Score: the first condition against the other, from -3 (much worse) to 3 (much better).",
    }
    report.say(f"## Pairs\n\n{meaning[test.kind]}")
    report.table("pairs", analysis.comparisons(ratings, test.kind, list(test.conditions), options.seed))


def _scores(
    report: Report,
    test: Test,
    ratings: pd.DataFrame,
    rows: Mapping[Key, Row] | None,
    options: Options,
    anchor: str | None,
    by: Mapping[tuple[str, str], str] | None,
) -> None:
    kept = ratings
    if test.kind == "mushra":
        kept = _screened(report, ratings, anchor)
    versions = {"": kept} if len(kept) == len(ratings) else {BEFORE: ratings, "": kept}
    for suffix, version in versions.items():
        when = "" if len(versions) == 1 else " before screening" if suffix else " after screening"
        report.say(f"## Ratings{when}")
        report.table(f"conditions{suffix}", analysis.summaries(version, list(test.conditions), test.kind, options.seed))
        labels = None if by is None else _labels(version, by, str(options.by))
        figure = plots.boxplot(version, test.conditions, test.kind, f"{_title(test)}{when}", labels)
        figures.save(figure, report.folder, f"boxplot{suffix}")
        report.say(f"![Box plot{when}](boxplot{suffix}.png)")
    report.say(
        "Intervals of median and mean (low, high): 95 %, from drawing listeners and clips anew; - where there are too "
        "few of either to exclude any part of the scale."
    )
    compared = [label for label, c in test.conditions.items() if c.role == "system" or label == "mixture"]
    _tests(report, kept, compared, test.kind, options)
    _model(report, kept, compared)
    if rows is None:
        report.say("## Metrics and ratings", "The run is no longer where it was; name its folder with run=DIR.")
    else:
        report.say("## Metrics and ratings", "Over clips and conditions, ratings averaged over listeners.")
        report.table("correlations", correlation.correlations(kept, test, rows))
    _power(report, kept, compared, options)


def _title(test: Test) -> str:
    return str(test.config.get("title", "Listening test"))


def _mid_anchor(test: Test, options: Options) -> str | None:
    """The mid-range anchor for screening listeners; None if there is none."""
    if options.mid_anchor in (None, "auto"):
        return MID_ANCHOR if options.mid_anchor and MID_ANCHOR in test.conditions else None
    if options.mid_anchor not in test.conditions:
        raise did_you_mean("condition of the test", options.mid_anchor, test.conditions)
    return options.mid_anchor


def _screened(report: Report, ratings: pd.DataFrame, anchor: str | None) -> pd.DataFrame:
    screened = post_screen(ratings, mid_anchor=anchor)
    out = screened.loc[screened["excluded"], "listener"]
    report.say("## Post-screening (ITU-R BS.1534-3, 4.1.2)")
    if anchor is None:
        report.say("There is no mid-range anchor, so only the rule of the hidden reference was applied.")
    report.table("screening", screened)
    kept = ratings[~ratings["listener"].isin(out)]
    names = ", ".join(map(markup.markdown, out))
    report.say(f"{len(out)} of {len(screened)} listeners left out{': ' if names else ''}{names}.")
    if kept.empty:
        report.say("**Nobody is left, so everything below is of all listeners.**")
        return ratings
    return kept


def _tests(report: Report, ratings: pd.DataFrame, compared: Sequence[str], kind: Kind, options: Options) -> None:
    unit = "listeners' means over clips" if options.unit == "listener" else "single pages"
    report.say(f"## Differences (over {unit})")
    table = analysis.blocks(ratings, compared, options.unit)
    result = analysis.friedman(table)
    if result.conditions > 2:
        report.say(
            f"Friedman: chi-squared({result.conditions - 1}) = {result.statistic:.2f}, p = {_cell(result.p)}, "
            f"Kendall's W = {result.w:.2f}, {result.blocks} blocks."
        )
    if len(compared) < 2:
        report.say("One condition only: there is nothing to compare it with.")
        return
    pairs = analysis.pairs(ratings, compared, kind, options.unit, options.seed)
    report.table("pairs", pairs)
    if (least := analysis.smallest_p(len(table), len(pairs))) > power.ALPHA:
        report.say(
            f"With {len(table)} blocks and {len(pairs)} comparisons no Wilcoxon test can reach p = {power.ALPHA} "
            f"after Holm's correction (at best {least:.3f}); ask for more listeners, or for fewer conditions."
        )


def _model(report: Report, ratings: pd.DataFrame, compared: Sequence[str]) -> None:
    report.say("## Mixed model (condition fixed; listener and clip at random)")
    model = mixed.fit(ratings, compared)
    if model.problem:
        report.say(f"{'To be read with care' if len(model.contrasts) else 'None'}: {model.problem}.")
    if len(model.contrasts):
        report.say(
            f"Standard deviations: listeners {model.listener_sd:.1f}, clips {model.clip_sd:.1f}, "
            f"rest {model.residual_sd:.1f} points."
        )
        report.table("mixed_model", model.contrasts)


def _power(report: Report, ratings: pd.DataFrame, compared: Sequence[str], options: Options) -> None:
    report.say("## Listeners needed")
    sd = power.difference_sd(ratings, compared)
    if sd != sd:
        report.say("Two listeners and two conditions are needed to tell how much listeners differ.")
        return
    tests = len(compared) * (len(compared) - 1) // 2
    report.say(
        f"To find a difference of so many points between two conditions with as many clips a listener: listeners' "
        f"differences have a standard deviation of {sd:.1f} points. Two-sided paired t-test, alpha {power.ALPHA}; "
        f"holm: as the strictest of {tests} comparisons."
    )
    report.table("power", power.table(sd, options.power, tests))


def _panels(test: Test, by: str | None) -> dict[tuple[str, str], str] | None:
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


def _cell(value: object) -> str:
    if value is None or value is pd.NA or value != value:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if 0 < abs(value) < 0.001:
            return f"{value:.1e}"
        return f"{value:.{1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3}f}"
    return markup.markdown(str(value))
