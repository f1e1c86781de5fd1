"""Statistics on listeners whose truth is known, and on worked examples."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from listening_test.analysis import crossed, mixed, power
from listening_test.analysis import ratings as analysis
from listening_test.analysis.crossed import Array
from listening_test.design.conditions import REFERENCE, Condition, anchors
from listening_test.design.mapping import Kind
from results.statistics.scale import UNBOUNDED
from tests.listening_test import simulate
from tests.listening_test.simulate import QUALITY

SYSTEMS = ("low", "middle", "high")
CLIPS = [f"clip{index}" for index in range(10)]
PANEL = {f"l{index}": simulate.careful(bias) for index, bias in enumerate(np.linspace(-12, 12, 9))}


@pytest.fixture(scope="module")
def ratings() -> pd.DataFrame:
    return simulate.ratings(PANEL, ("reference", *SYSTEMS), CLIPS)


def crossed_scores(rng: np.random.Generator, listeners: int, clips: int, sds: tuple[float, float, float]) -> Array:
    """Scores [listeners, clips, 1] around 50 with these standard deviations of listeners, clips and the rest."""
    sizes = ((listeners, 1, 1), (1, clips, 1), (listeners, clips, 1))
    return 50 + sum(sd * rng.normal(size=size) for sd, size in zip(sds, sizes, strict=True))


def test_the_cube_holds_every_rating_once(ratings: pd.DataFrame) -> None:
    scores = analysis.cube(ratings.sample(frac=1, random_state=0), SYSTEMS)
    assert scores.shape == (9, 10, 3)
    one = ratings.query("listener == 'l3' and utterance == 'clip7' and condition == 'middle'")["score"].item()
    assert scores[3, 7, 1] == one
    assert np.isnan(analysis.cube(ratings[ratings["listener"] != "l3"].iloc[1:], ("reference",))).sum() == 1


def test_summaries_are_those_of_numpy(ratings: pd.DataFrame) -> None:
    table = analysis.summaries(ratings, ("reference", *SYSTEMS), "mushra", 0).set_index("condition")
    own = ratings.loc[ratings["condition"] == "middle", "score"]
    line = table.loc["middle"]
    assert tuple(line[["n", "listeners", "clips"]]) == (90, 9, 10)
    assert line["median"] == np.median(own) and line["mean"] == pytest.approx(own.mean())
    assert (line["q1"], line["q3"]) == tuple(np.quantile(own, [0.25, 0.75]))
    for name in SYSTEMS:
        assert table.loc[name, "mean_low"] < table.loc[name, "mean"] < table.loc[name, "mean_high"]
        assert table.loc[name, "mean_low"] < QUALITY[name] < table.loc[name, "mean_high"]
        assert table.loc[name, "median_low"] <= table.loc[name, "median"] <= table.loc[name, "median_high"]
    assert table.loc["reference", ["median", "median_low", "median_high", "mean_low"]].eq(100).all()


def test_the_weighted_median_is_that_of_repeated_values() -> None:
    rng = np.random.default_rng(0)
    values = np.sort(rng.integers(0, 20, size=15)).astype(float)
    weights = rng.integers(0, 4, size=(50, 15)).astype(float)
    weights[0] = 0
    expected = [math.nan] + [float(np.median(np.repeat(values, line.astype(int)))) for line in weights[1:]]
    np.testing.assert_array_equal(analysis._median(values, weights), expected)


@pytest.mark.parametrize("sds", [(8.0, 5.0, 10.0), (10.0, 0.0, 3.0)], ids=["crossed", "listeners_differ"])
def test_intervals_cover_the_truth(sds: tuple[float, float, float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine listeners, ten clips, as in the paper: 95 % intervals hold it in at least 93 % of 200 tests."""
    monkeypatch.setattr(analysis, "RESAMPLES", 300)
    rng = np.random.default_rng(0)
    covered = np.zeros(2)
    for trial in range(200):
        scores = crossed_scores(rng, 9, 10, sds)
        for index, statistic in enumerate((analysis._mean, analysis._median)):
            (low,), (high,) = analysis._interval(scores, statistic, UNBOUNDED, trial)
            covered[index] += low <= 50 <= high
    assert (covered / 200 >= 0.93).all(), covered / 200


@pytest.mark.parametrize(("listeners", "clips"), [(4, 4), (9, 4), (16, 8)])
def test_intervals_near_the_end_of_the_scale_stay_on_it_and_cover(
    listeners: int, clips: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A condition that scores about 94, at most 100: listeners and clips differ, some rate it 100."""
    monkeypatch.setattr(analysis, "RESAMPLES", 300)
    rng = np.random.default_rng(0)
    truth = np.clip(crossed_scores(rng, 3000, 300, (4.0, 3.0, 5.0)) + 44, 0, 100)
    for statistic, value in ((analysis._mean, truth.mean()), (analysis._median, np.median(truth))):
        covered = 0.0
        for trial in range(150):
            scores = np.clip(crossed_scores(rng, listeners, clips, (4.0, 3.0, 5.0)) + 44, 0, 100)
            (low,), (high,) = analysis._interval(scores, statistic, analysis.SCALES["mushra"], trial)
            assert math.isnan(low) or 0 <= low <= high <= 100
            covered += math.isnan(low) or low <= value <= high
        assert covered / 150 >= 0.92, covered / 150


def test_the_estimate_is_that_of_the_two_way_table() -> None:
    """Mean squares of Montgomery's kind, worked out from sums; Satterthwaite's degrees of freedom by his formula."""
    scores = crossed_scores(np.random.default_rng(0), 6, 5, (8.0, 5.0, 3.0))[:, :, 0]
    rows, columns, mean = scores.mean(axis=1), scores.mean(axis=0), scores.mean()
    ms_l, ms_c = 5 * np.var(rows, ddof=1), 6 * np.var(columns, ddof=1)
    ms_e = np.sum((scores - rows[:, None] - columns + mean) ** 2) / (5 * 4)
    found = crossed.estimate(scores)
    assert found.mean == pytest.approx(mean)
    assert found.error**2 == pytest.approx((ms_l + ms_c - ms_e) / 30)
    assert found.df == pytest.approx((ms_l + ms_c - ms_e) ** 2 / (ms_l**2 / 5 + ms_c**2 / 4 + ms_e**2 / 20))
    low, high = found.interval(0.95)
    half = stats.t.ppf(0.975, found.df) * found.error
    assert (low, high) == pytest.approx((mean - half, mean + half))


def test_the_interval_excludes_zero_where_its_p_is_small() -> None:
    rng = np.random.default_rng(0)
    scale = analysis.SCALES["mushra"].differences()
    for _ in range(200):
        found = crossed.estimate(crossed_scores(rng, 6, 5, (4.0, 3.0, 9.0))[:, :, 0] - 50 + rng.uniform(-12, 12))
        low, high = found.interval(0.95, scale)
        assert (low > 0 or high < 0) == (found.p(scale) < 0.05)


def test_ratings_that_are_missing_or_too_few_or_all_equal() -> None:
    rng = np.random.default_rng(0)
    scores = crossed_scores(rng, 12, 10, (8.0, 5.0, 10.0))[:, :, 0]
    halves = scores.copy()
    halves[:6, 5:] = halves[6:, :5] = math.nan  # two groups with clips of their own
    whole, part = crossed.estimate(scores), crossed.estimate(halves)
    assert part.error > whole.error and 2 < part.df < 60
    for few in (scores[:1], scores[:, :1], np.full((3, 3), math.nan), scores[:2, :2] * math.nan):
        assert all(map(math.isnan, crossed.estimate(few).interval(0.95)))
    assert crossed.estimate(np.full((4, 4), 100.0)).interval(0.95, analysis.SCALES["mushra"]) == (100.0, 100.0)


@pytest.mark.parametrize(("listeners", "clips"), [(4, 4), (9, 10)])
def test_the_interval_of_the_mean_covers_the_truth(listeners: int, clips: int) -> None:
    rng = np.random.default_rng(listeners)
    for sds in ((8.0, 5.0, 10.0), (6.0, 0.0, 10.0), (0.0, 0.0, 10.0)):
        scores = (crossed_scores(rng, listeners, clips, sds)[:, :, 0] for _ in range(600))
        ends = [crossed.estimate(one).interval(0.95) for one in scores]
        assert np.mean([low <= 50 <= high for low, high in ends]) >= 0.93


def test_normality_and_equal_variances_are_found(ratings: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    values = {"a": rng.normal(50, 5, 200), "b": rng.exponential(20, 200), "c": rng.normal(50, 5, 200)}
    data = pd.DataFrame(
        [(name, value) for name, own in values.items() for value in own], columns=["condition", "score"]
    )
    table, equal = analysis.assumptions(data, ["a", "b", "c", "none"])
    p = table.set_index("condition")["p_normal"]
    assert list(table["n"]) == [200] * 3 and p["a"] > 0.05 > 0.01 > p["b"] and equal < 1e-4
    assert analysis.assumptions(data[data["condition"] != "b"], ["a", "c"])[1] > 0.05
    lonely, none = analysis.assumptions(data.iloc[:3], ["a"])
    assert math.isnan(lonely["p_normal"].item()) and math.isnan(none)


def test_two_clips_say_too_little() -> None:
    people = {f"l{n}": simulate.at_random for n in range(12)}
    data = simulate.ratings(people, ("low", "high"), ["clip0", "clip1"])
    for table in (
        analysis.summaries(data, ("low", "high"), "mushra", 0)[["median_low", "median_high", "mean_low", "mean_high"]],
        analysis.pairs(data, ("low", "high"), "mushra", "listener")[["low", "high"]],
    ):
        numbers = table.to_numpy()
        assert (np.isnan(numbers) | (np.abs(numbers) <= 100)).all()
        assert np.isnan(numbers).any() or np.ptp(numbers, axis=1).min() > 100


def test_friedman_is_scipys_over_listeners_means(ratings: pd.DataFrame) -> None:
    table = analysis.blocks(ratings, SYSTEMS, "listener")
    assert table.shape == (9, 3)
    expected = [
        ratings[(ratings["condition"] == name)].groupby("listener")["score"].mean().to_numpy() for name in SYSTEMS
    ]
    np.testing.assert_allclose(table.T, expected)
    result = analysis.friedman(table)
    assert (result.statistic, result.p) == tuple(stats.friedmanchisquare(*expected))
    assert result.w == pytest.approx(1.0)  # nine listeners who agree
    assert analysis.blocks(ratings, SYSTEMS, "trial").shape == (90, 3)


def test_friedman_of_what_cannot_be_tested_is_missing() -> None:
    for table in (np.zeros((5, 3)), np.ones((5, 2)), np.empty((0, 3)), np.arange(3.0)[None]):
        assert math.isnan(analysis.friedman(table).p)


def test_clips_that_lack_a_condition_do_not_tilt_the_comparison() -> None:
    """A listener who rated one condition on easy clips only compares on the clips that have both."""
    lines = [("one", "talk", clip, "a", score) for clip, score in (("easy", 90.0), ("hard", 30.0))]
    lines += [("one", "talk", "easy", "b", 80.0)]
    table = pd.DataFrame(lines, columns=["listener", "dataset", "utterance", "condition", "score"])
    np.testing.assert_array_equal(analysis.blocks(table, ("a", "b"), "listener"), [[90.0, 80.0]])


def test_true_differences_are_found_with_their_size(ratings: pd.DataFrame) -> None:
    table = analysis.pairs(ratings, SYSTEMS, "mushra", "listener").set_index(["condition", "other"])
    for (one, other), line in table.iterrows():
        truth = QUALITY[one] - QUALITY[other]
        assert line["low"] < truth < line["high"] and line["high"] - line["low"] < 12
        assert line["p"] == stats.wilcoxon(np.arange(1, 10)).pvalue and line["p_holm"] == pytest.approx(3 * line["p"])
        assert line["effect"] == -1
    assert analysis.smallest_p(9, 3) == pytest.approx(table["p_holm"].min())


def test_equal_conditions_are_seldom_told_apart() -> None:
    """Three equal systems: after Holm, some pair differs in at most about 5 % of 200 tests."""
    rng = np.random.default_rng(0)
    false = 0
    for _ in range(200):
        scores = (
            crossed_scores(rng, 9, 4, (8.0, 4.0, 10.0))
            + 6 * rng.normal(size=(9, 1, 3))
            + 8 * rng.normal(size=(9, 4, 3))
        )
        means = scores.mean(axis=1)
        differences = np.array([means[:, a] - means[:, b] for a, b in ((0, 1), (0, 2), (1, 2))])
        false += bool((analysis.holm(analysis.wilcoxon(differences)) < 0.05).any())
    assert false / 200 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 200)


def test_the_mixed_model_finds_what_was_put_in() -> None:
    rng = np.random.default_rng(0)
    listeners, clips = 8 * rng.normal(size=16), 5 * rng.normal(size=12)
    lines = [
        (f"l{a}", "talk", f"c{b}", name, QUALITY[name] + listeners[a] + clips[b] + 6 * rng.normal())
        for a in range(16)
        for b in range(12)
        for name in SYSTEMS
    ]
    data = pd.DataFrame(lines, columns=["listener", "dataset", "utterance", "condition", "score"])
    model = mixed.fit(data, SYSTEMS)
    assert model.problem == ""
    assert model.listener_sd == pytest.approx(np.std(listeners, ddof=1), rel=0.1)
    assert model.clip_sd == pytest.approx(np.std(clips, ddof=1), rel=0.2)
    assert model.residual_sd == pytest.approx(6, rel=0.1)
    for _, line in model.contrasts.iterrows():
        truth = QUALITY[line["condition"]] - QUALITY[line["other"]]
        assert line["low"] < truth < line["high"]
        assert line["standard_error"] == pytest.approx(6 * math.sqrt(2 / (16 * 12)), rel=0.1)  # balanced: closed form
        assert line["p_holm"] < 1e-6


def test_a_model_that_cannot_be_fitted_says_why(ratings: pd.DataFrame) -> None:
    """Told by the data: whether an optimiser converges on such data depends on the processor."""
    places = {
        name: value.astype("category").cat.codes.astype(float)
        for name, value in ratings[["listener", "utterance", "condition"]].items()
    }
    own_clip = ratings["listener"].str.removeprefix("l") == ratings["utterance"].str.removeprefix("clip")
    first_of_each = ratings[ratings["condition"] != "reference"].drop_duplicates(["listener", "utterance"])
    cases = {
        "it needs two listeners": ratings[ratings["listener"] == "l0"],
        "it needs two clips": ratings[ratings["utterance"] == "clip0"],
        "it needs two conditions": ratings[ratings["condition"] == "low"],
        "all scores are the same (50)": ratings.assign(score=50.0),
        "explain every score exactly": ratings.assign(score=10 * places["condition"] + places["listener"] / 3),
        "cannot be told apart": ratings[own_clip],
        "leave none to estimate the error from": first_of_each.groupby("listener")
        .head(1)
        .iloc[:6]
        .assign(condition=list(SYSTEMS) * 2, utterance=["clip0", "clip1", "clip2", "clip0", "clip1", "clip1"]),
    }
    for reason, data in cases.items():
        model = mixed.fit(data, SYSTEMS)
        assert reason in model.problem and model.contrasts.empty, reason


def test_a_condition_that_nobody_rated_is_not_in_the_model(ratings: pd.DataFrame) -> None:
    model = mixed.fit(ratings[ratings["condition"] != "low"], SYSTEMS)
    assert model.problem == "" and model.contrasts[["condition", "other"]].to_numpy().tolist() == [["middle", "high"]]


@pytest.mark.parametrize(
    ("difference", "sd", "target", "expected"), [(5, 20, 0.8, 128), (10, 20, 0.8, 34), (20, 20, 0.9, 13)]
)
def test_listeners_needed_are_those_of_the_tables(difference: float, sd: float, target: float, expected: int) -> None:
    """Paired t-test, two-sided, alpha 0.05: d = 0.25, 0.5, 1 (Cohen 1988; G*Power gives the same)."""
    assert power.listeners_needed(difference, sd, 0.05, target) == expected


def test_that_many_listeners_do_find_it() -> None:
    rng = np.random.default_rng(0)
    count = power.listeners_needed(8, 12, 0.05, 0.8)
    assert count is not None
    found = (stats.ttest_1samp(8 + 12 * rng.normal(size=(count, 4000)), 0).pvalue < 0.05).mean()
    assert 0.78 < found < 0.84


def test_the_power_table_follows_its_parts() -> None:
    table = power.table(15.0, [5, 10, 20, 200], 3)
    assert list(table["points"]) == ["5", "10", "20", "200"]
    assert (table["power_80"].diff().dropna() < 0).all() and table["power_80"].iloc[-1] == 2
    assert (power.table(0.5, [1, 2, 5, 20, 100], 3).drop(columns="points").diff().dropna() <= 0).all(axis=None)
    assert (table["power_80_holm"] > table["power_80"]).all() and (table["power_90"] > table["power_80"]).all()
    assert power.table(1e4, [1], 1)["power_80"].isna().all()
    assert power.listeners_needed(5, 0.0, 0.05, 0.8) == 2


def test_the_spread_of_differences_is_found() -> None:
    rng = np.random.default_rng(0)
    tastes = 10 * rng.normal(size=(200, 2))
    people = {
        f"l{n}": (lambda clip, condition, rng, own=own: 50 + own[("low", "high").index(condition)])
        for n, own in enumerate(tastes)
    }
    data = simulate.ratings(people, ("low", "high"), CLIPS[:2])
    assert power.difference_sd(data, ("low", "high")) == pytest.approx(10 * math.sqrt(2), rel=0.1)
    assert math.isnan(power.difference_sd(data[data["listener"] == "l0"], ("low", "high")))


@pytest.mark.parametrize(("kind", "right", "p"), [("abx", 15, 0.0207), ("abx", 10, 0.5881)])
def test_abx_is_tested_against_guessing(kind: str, right: int, p: float) -> None:
    """15 and 10 of 20: the binomial tail, from tables."""
    lines = [(f"l{n % 4}", "talk", f"c{n // 4}", "a", "b", float(n < right)) for n in range(20)]
    data = pd.DataFrame(lines, columns=["listener", "dataset", "utterance", "condition", "other", "score"])
    [line] = analysis.comparisons(data, kind, ["a", "b"], 0).to_dict("records")
    assert (line["n"], line["listeners"], line["score"]) == (20, 4, right / 20)
    assert line["p"] == pytest.approx(p, abs=5e-5) == line["p_holm"]


@pytest.mark.parametrize(("right", "low", "high"), [(4, 0.3976, 1.0), (0, 0.0, 0.6024), (2, 0.0676, 0.9324)])
def test_the_interval_of_abx_is_exact(right: int, low: float, high: float) -> None:
    """Clopper and Pearson's, of four answers."""
    lines = [(f"l{n}", "talk", "c", "a", "b", float(n < right)) for n in range(4)]
    data = pd.DataFrame(lines, columns=["listener", "dataset", "utterance", "condition", "other", "score"])
    [line] = analysis.comparisons(data, "abx", ["a", "b"], 0).to_dict("records")
    assert (line["low"], line["high"]) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(("kind", "end"), [("ab", 1.0), ("ccr", 3.0)])
def test_four_listeners_who_agree_are_no_proof_that_all_would(kind: Kind, end: float) -> None:
    lines = [(f"l{n}", "talk", f"c{c}", "a", "b", end) for n in range(4) for c in range(6)]
    data = pd.DataFrame(lines, columns=["listener", "dataset", "utterance", "condition", "other", "score"])
    [line] = analysis.comparisons(data, kind, ["a", "b"], 0).to_dict("records")
    assert line["low"] == pytest.approx(end * (2 * 0.025**0.25 - 1)) and line["high"] == pytest.approx(end)


def test_preferences_are_tested_over_listeners() -> None:
    rng = np.random.default_rng(0)
    lines = [
        (f"l{n}", "talk", f"c{c}", one, other, float(rng.choice([-1, 0, 1], p=odds)))
        for (one, other), odds in {("a", "b"): (0.05, 0.15, 0.8), ("a", "c"): (0.3, 0.4, 0.3)}.items()
        for n in range(12)
        for c in range(8)
    ]
    data = pd.DataFrame(lines, columns=["listener", "dataset", "utterance", "condition", "other", "score"])
    table = analysis.comparisons(data, "ab", ["a", "b", "c"], 0)
    clear, level = table.to_dict("records")
    assert (clear["condition"], clear["other"], level["other"]) == ("a", "b", "c")
    assert clear["p_holm"] < 0.01 and 0 < clear["low"] < 0.75 < clear["high"]
    assert level["p_holm"] > 0.05 and level["low"] < 0 < level["high"]


def test_the_noisy_recording_as_an_anchor_is_coloured_as_an_anchor() -> None:
    (anchor,) = anchors(["mixture"], [])
    kinds = [REFERENCE.kind, anchor.kind, Condition("a", "system", "generative").kind, Condition("b", "system").kind]
    assert kinds == ["reference", "anchor", "generative", "system"]
