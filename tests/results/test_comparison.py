"""Paired tests agree with scipy and statsmodels; ties are not broken by chance, and differences are found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bench.core.types import Score
from results.statistics.analysis import Options, analyse
from results.statistics.comparison import Comparison, cohens_dz, compare, holm, rank_biserial, standings, wilcoxon
from results.statistics.panel import Panel, panels
from tests.results.conftest import make_row, score_panel, score_rows

Draw = Callable[[np.random.Generator], Panel]

BEFORE = np.array([125, 115, 130, 140, 140, 115, 140, 125, 140, 135])
AFTER = np.array([110, 122, 125, 120, 140, 124, 123, 137, 135, 145])
"""A worked example of many textbooks: W = 18 and 27, nine differences that are not 0, two pairs of ties."""


def test_wilcoxons_worked_example() -> None:
    differences = (BEFORE - AFTER)[None].astype(float)
    assert rank_biserial(differences) == pytest.approx((27 - 18) / 45)
    untied = np.array([[1.0, -2, 3, 4, 5, 6, 7, 8]])
    assert wilcoxon(untied) == pytest.approx(6 / 256)  # W = 2: none, 1, or 2 negative; on either side
    assert wilcoxon(differences) == pytest.approx(
        stats.wilcoxon(differences[0], method=stats.PermutationMethod(n_resamples=1 << 10)).pvalue
    )


@pytest.mark.parametrize(
    ("count", "method"), [(7, "exact"), (25, "exact"), (50, "exact"), (80, "asymptotic"), (400, "asymptotic")]
)
def test_wilcoxon_is_scipys(count: int, method: str) -> None:
    differences = np.random.default_rng(count).normal(0.2, 1, (20, count))
    if method == "exact":
        expected = stats.wilcoxon(differences, axis=1, method="exact").pvalue
    else:
        differences = differences.round(1)  # ties and zeros
        expected = [stats.wilcoxon(line, correction=False, method="approx").pvalue for line in differences]
    np.testing.assert_allclose(wilcoxon(differences), expected, rtol=1e-9)


def test_what_is_missing_or_zero_is_left_out_of_ranks() -> None:
    line = np.array([0.3, -0.2, np.nan, 0.5, 0, 0.9])
    assert wilcoxon(line[None]) == pytest.approx(wilcoxon(line[None, [0, 1, 3, 5]]))
    assert wilcoxon(np.array([[0.0, 0], [np.nan, 1]])).tolist() == [1, pytest.approx(np.nan, nan_ok=True)]


def test_holm_is_statsmodels() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    for size in (1, 2, 45, 190):
        p = np.random.default_rng(size).random(size) ** 4
        np.testing.assert_allclose(holm(p), multitest.multipletests(p, method="holm")[1])
    assert holm(np.array([0.01, np.nan, 0.04])) == pytest.approx([0.02, np.nan, 0.04], nan_ok=True)


def test_effect_sizes_by_hand() -> None:
    differences = np.array([[1.0, 2, 3], [1, -2, 3], [0, 0, 0], [np.nan, np.nan, 1]])
    assert cohens_dz(differences) == pytest.approx([2, (2 / 3) / np.std([1, -2, 3], ddof=1), 0, np.nan], nan_ok=True)
    assert rank_biserial(differences) == pytest.approx([1, (4 - 2) / 6, 0, 1])


def test_a_comparison_is_over_what_both_have() -> None:
    rows = [
        *(make_row(u, method="a", pesq=v) for u, v in (("1", 1.0), ("2", 2.0), ("3", 4.0))),
        *(make_row(u, method="b", pesq=v) for u, v in (("2", 1.0), ("3", 2.0))),
        make_row("1", method="b", pesq=Score.missing("error", "crash")),
    ]
    (pair,) = compare(panels(rows, ["pesq"])[0])["pesq"]
    assert (pair.n, pair.units, pair.difference) == (2, 2, 1.5)
    assert pair.rank_biserial == 1


def test_bootstrap_and_student_agree_where_both_hold() -> None:
    scores = np.random.default_rng(0).normal(np.array([[0], [0.1], [0.6]]), size=(3, 80))
    pairs = compare(panels(score_rows(scores), ["x"])[0])["x"]
    for pair in pairs:
        student = stats.ttest_rel(scores[pair.first], scores[pair.second])
        assert pair.p_bootstrap == pytest.approx(student.pvalue, abs=0.01)
        interval = student.confidence_interval()
        assert (pair.low, pair.high) == pytest.approx((interval.low, interval.high), abs=0.02)
        assert pair.p_wilcoxon == pytest.approx(
            stats.wilcoxon(scores[pair.first], scores[pair.second], method="approx", correction=False).pvalue
        )


def test_the_difference_of_rates_is_of_pooled_rates() -> None:
    counts = {"a": ((1, 2), (0, 18)), "b": ((0, 2), (9, 18))}
    rows = [
        make_row(str(clip), method=method, wer=Score.rate(*of_clip))
        for method, of_clips in counts.items()
        for clip, of_clip in enumerate(of_clips)
    ]
    (pair,) = compare(panels(rows, ["wer"])[0])["wer"]
    assert pair.difference == pytest.approx(100 * (1 / 20 - 9 / 20))


def false_winners(draw: Draw, experiments: int = 300) -> tuple[float, float]:
    """How often equal methods were told apart at all, and how often one stood alone as the best."""
    apart = alone = 0
    for seed in range(experiments):
        panel = draw(np.random.default_rng(seed))
        pairs = compare(panel, resamples=1000)["x"]
        standing = standings(panel.scores["x"], pairs, direction=1)
        apart += any(pair.holm_bootstrap < 0.05 for pair in pairs)
        alone += standing.count("best") == 1 and "tied" not in standing
    return apart / experiments, alone / experiments


def test_no_false_winner_among_equal_methods() -> None:
    """Six equal methods on 40 recordings that differ more than the methods' results on them do."""
    apart, alone = false_winners(lambda r: score_panel(r.normal(size=(6, 40)) + 2 * r.normal(size=40)))
    assert apart <= 0.07  # 5 %, and 1.6 standard errors
    assert alone <= 0.05


def test_no_false_winner_with_skewed_scores_of_few_recordings() -> None:
    apart, alone = false_winners(lambda r: score_panel(r.exponential(size=(6, 10))))
    assert apart <= 0.07
    assert alone <= 0.05


def test_no_false_winner_where_methods_suit_speakers_differently() -> None:
    """Four equal methods; each works better for some of the 8 speakers, who said 6 sentences each."""
    speakers = np.repeat(np.arange(8), 6)

    def draw(random: np.random.Generator) -> NDArray[np.float64]:
        return random.normal(size=(4, 8))[:, speakers] + 0.5 * random.normal(size=(4, 48))

    apart, alone = false_winners(lambda r: score_panel(draw(r), speakers))
    assert apart <= 0.075
    assert alone <= 0.05
    ignored = false_winners(lambda r: score_panel(draw(r)), experiments=40)
    assert ignored[0] > 0.5  # the same data, taken for 48 independent recordings


def test_no_false_winner_with_many_seeds() -> None:
    """One recording's seeds differ as its methods do: ten seeds of 12 recordings are 12 recordings."""

    def draw(random: np.random.Generator) -> Panel:
        clips = random.normal(size=(4, 12, 1)) + 0.1 * random.normal(size=(4, 12, 10))
        return score_panel(clips)

    apart, alone = false_winners(draw, experiments=200)
    assert apart <= 0.08
    assert alone <= 0.05


def test_a_real_difference_is_found_among_forty_systems() -> None:
    """780 comparisons: Holm's correction needs p-values far below what draws alone can count."""
    scores = np.random.default_rng(0).normal(size=(40, 200)) * 0.5
    scores[7] += 0.5
    (analysis,) = analyse(score_rows(scores), options=Options(resamples=2000))
    assert analysis.standings["x"][7] == "best"
    assert analysis.standings["x"].count("") == 39


def standing(means: list[float], p: dict[tuple[int, int], float], direction: int = 1) -> list[str]:
    scores = score_panel(np.array(means)[:, None] + [[-1.0, 0, 1]]).scores["x"]
    pairs = [
        Comparison("x", *pair, 3, 3, means[pair[0]] - means[pair[1]], 0, 0, value, value, value, value, 0, 0)
        for pair, value in p.items()
    ]
    return list(standings(scores, pairs, direction))


def test_standings_by_hand() -> None:
    p = {(0, 1): 0.5, (0, 2): 0.001, (1, 2): 0.04}
    assert standing([1, 2, 3], p) == ["", "", "best"]
    assert standing([1, 2, 3], p, direction=-1) == ["best", "tied", ""]
    assert standing([2, 2, 1], p) == ["best", "best", ""]
    assert standing([1, 2], {(0, 1): np.nan}) == ["tied", "best"]
    assert standing([1], {}) == ["best"]


def incomplete(second: Score) -> list[str]:
    """A method with scores 1 and 5, and one with 2 and ``second``; and one that has none."""
    rows = [make_row(u, method="a", x=v) for u, v in (("1", 1.0), ("2", 5.0))]
    rows += [make_row("1", method="b", x=2.0), make_row("2", method="b", x=second), make_row("1", method="c")]
    (analysis,) = analyse(rows, options=Options(resamples=1000))
    return list(analysis.standings["x"])


def test_whoever_fails_on_a_recording_does_not_win_by_it_and_who_was_not_asked_does_not_lose() -> None:
    assert incomplete(Score.missing("error", "crash")) == ["best", "", ""]
    assert incomplete(Score.missing("undefined", "silence")) == ["best", "", ""]
    assert incomplete(Score.missing("skipped", "not computed")) == ["tied", "best", ""]  # 1 against 2 on the first


def test_a_few_recordings_make_no_winner() -> None:
    rows = [make_row(u, method="a", x=1.0) for u in "123"] + [make_row("1", method="b", x=2.0)]
    (analysis,) = analyse(rows, options=Options(resamples=1000))
    assert analysis.standings["x"] == ["best", ""]


def test_what_no_method_can_be_scored_on_is_nobodys_failure() -> None:
    silent = Score.missing("undefined", "the clean reference is silent")
    rows = [make_row(u, method=m, x=silent if u == "3" else v) for m, v in (("a", 1.0), ("b", 2.0)) for u in "123"]
    (analysis,) = analyse(rows, options=Options(resamples=1000))
    assert analysis.standings["x"][1] == "best"


def test_a_panel_without_rows_is_that_of_rows() -> None:
    """What the simulations above rest on."""
    scores = np.random.default_rng(0).normal(size=(3, 6, 2))
    speakers = np.array([0, 0, 1, 1, 2, 2])
    made, read = score_panel(scores, speakers), panels(score_rows(scores, speakers.tolist()), ["x"])[0]
    assert (made.unit, made.units.tolist(), made.clips) == (read.unit, read.units.tolist(), read.clips)
    np.testing.assert_array_equal(made.scores["x"].clips, read.scores["x"].clips)


def test_what_is_identical_differs_by_nothing() -> None:
    scores = np.random.default_rng(0).normal(3, 1, size=(1, 777)) * np.ones((9, 1))
    for pair in compare(score_panel(scores))["x"]:
        assert (pair.difference, pair.low, pair.high, pair.dz, pair.rank_biserial) == (0, 0, 0, 0, 0)
        assert pair.p_bootstrap == pair.p_wilcoxon == pair.holm_bootstrap == 1
