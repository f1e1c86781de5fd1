"""The sections of a report, each from finished tables to text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from bench.core import tables
from bench.core.files import naming, replacing
from listening_test.analysis import markdown, mixed, power
from listening_test.analysis import ratings as analysis
from listening_test.analysis.markdown import cell, with_interval
from listening_test.analysis.panel import Panel
from listening_test.analysis.ratings import Unit
from listening_test.analysis.screening import SELDOM, SHARE, SLIPS, Rule, allowed
from listening_test.design.mapping import Kind
from results.plots import figures
from results.views import markup

BEFORE = "_before_screening"
TABLES = (
    *("listeners", "screening", "reliability", f"conditions{BEFORE}", "conditions", "pairs", "mixed_model"),
    *("assumptions", "correlations", "power"),
)
PLOTS = (f"boxplot{BEFORE}", "boxplot", "pairs")


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

    def table(self, name: str, table: pd.DataFrame, shown: pd.DataFrame | None = None) -> None:
        """Add a table: rounded in the report (``shown``, at most eight columns), in full in ``name``.csv."""
        tables.write(table, self.folder / f"{name}.csv")
        shown = table if shown is None else shown
        assert len(shown.columns) <= markdown.WIDEST, list(shown.columns)
        self.say(*markdown.lines(shown))

    def write(self) -> Path:
        path = self.folder / "report.md"
        with replacing(path) as temporary:
            temporary.write_text("\n".join(self.lines).rstrip() + "\n", encoding="utf-8")
        return path


def listeners(report: Report, panel: Panel, rule: Rule, items: int, mid_anchor: str | None) -> None:
    """Who was left out, by which rule, and who shows which sign."""
    report.say("## Listeners")
    report.say(f"{len(panel.left_out)} of {len(panel.signs)} listeners left out.")
    decided = [("left out", panel.left_out), ("kept against the rules", panel.kept)]
    lines = [f"- {what}: {markup.markdown(n)}: {markup.markdown(why)}" for what, d in decided for n, why in d.items()]
    if lines:
        report.say(*lines)
    report.say(_rule(rule, items))
    report.table("listeners", panel.signs, panel.signs.drop(columns=["reason"]))
    if panel.screened is not None:
        report.say("### Post-screening (ITU-R BS.1534-3, 4.1.2)")
        if mid_anchor is None:
            report.say("There is no mid-range anchor, so only the rule of the hidden reference was applied.")
        report.table("screening", panel.screened)


def _rule(rule: Rule, items: int) -> str:
    share = f"{SHARE:.0%}".replace("%", " %")
    if rule == "bs1534":
        return f"Rule: as ITU-R BS.1534-3 has it, bad items in more than {share} of the items."
    often = f"{SLIPS:.0%}".replace("%", " %")
    seldom = f"{SELDOM:.0%}".replace("%", " %")
    one = f"of {items} items, {share} are {SHARE * items:.1f}: one slip would exclude. " if items * SHARE < 1 else ""
    return (
        f"Rule: bad items in more than {share} of the items, and more than an attentive listener who slips in {often} "
        f"reaches in {seldom} of tests. {one[:1].upper()}{one[1:]}Allowed of {items} items: {allowed(items, rule)}."
    )


def reliability(report: Report, table: pd.DataFrame) -> None:
    report.say(
        "## Reliability",
        "From clips that were rated twice: intraclass correlation ICC(A,1) of both answers (1: the same), the root "
        "mean square of their differences, and the share of equal answers. All else uses the first of both only.",
    )
    report.table("reliability", table)


def differences(report: Report, ratings: pd.DataFrame, compared: Sequence[str], kind: Kind, unit: Unit) -> None:
    words = "listeners' means over clips" if unit == "listener" else "single pages"
    report.say("## Differences")
    table = analysis.blocks(ratings, compared, unit)
    result = analysis.friedman(table)
    if result.conditions > 2 and result.blocks > 1:
        report.say(
            f"Friedman (over {words}): chi-squared({result.conditions - 1}) = {result.statistic:.2f}, "
            f"p = {cell(result.p)}, Kendall's W = {result.w:.2f}, {result.blocks} blocks."
        )
    if len(compared) < 2:
        report.say("One condition only: there is nothing to compare it with.")
        return
    pairs = analysis.pairs(ratings, compared, kind, unit)
    shown = with_interval(pairs.drop(columns=["n", "p", "p_t"]), "difference")
    shown = shown.rename(columns={"p_t_holm": "p (t)", "p_holm": "p (Wilcoxon)"})
    order = ["condition", "other", "difference", "difference 95 %", "p (t)", "p (Wilcoxon)", "effect"]
    report.table("pairs", pairs, shown[order])
    chance = "" if unit == "listener" else " Pages of one listener are not independent: its p-values are too small."
    report.say(
        "The interval and p (t) speak of other listeners and other clips. p (Wilcoxon) and its effect speak of other "
        f"listeners with these very clips, over {words}.{chance} Both p by Holm's correction."
    )
    if (least := analysis.smallest_p(len(table), len(pairs))) > power.ALPHA:
        report.say(
            f"With {len(table)} blocks and {len(pairs)} comparisons no Wilcoxon test can reach p = {power.ALPHA} "
            f"after Holm's correction (at best {least:.3f}); ask for more listeners, or for fewer conditions."
        )


def model(report: Report, ratings: pd.DataFrame, compared: Sequence[str]) -> None:
    report.say("## Mixed model (condition fixed; listener and clip at random)")
    fitted = mixed.fit(ratings, compared)
    if fitted.problem:
        report.say(f"{'To be read with care' if len(fitted.contrasts) else 'None'}: {fitted.problem}.")
    if len(fitted.contrasts):
        report.say(
            f"Standard deviations: listeners {fitted.listener_sd:.1f}, clips {fitted.clip_sd:.1f}, "
            f"rest {fitted.residual_sd:.1f} points."
        )
        report.table("mixed_model", fitted.contrasts, with_interval(fitted.contrasts, "difference"))
        report.say(
            "In this model a listener or clip shifts all conditions alike; that listeners or clips differ in how they "
            "order the conditions counts as chance of single ratings. Its intervals therefore speak of these listeners "
            "and these clips, and are narrower than those above."
        )


def assumptions(report: Report, ratings: pd.DataFrame, compared: Sequence[str]) -> None:
    table, equal = analysis.assumptions(ratings, compared)
    report.say("## Normality and equal variances")
    report.table("assumptions", table)
    report.say(
        f"p (normal): Kolmogorov and Smirnov's test with Lilliefors' correction. Levene's test of equal variances: "
        f"p = {cell(equal)}. Small p speak against an analysis of variance; the tests above need neither."
    )


def needed(report: Report, ratings: pd.DataFrame, compared: Sequence[str], differences_: Sequence[float]) -> None:
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
    report.table("power", power.table(sd, differences_, tests))
