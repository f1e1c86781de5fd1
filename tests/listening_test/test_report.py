"""The whole way from imported ratings to the page, its tables and its plots."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.commands import mushra
from bench.core.errors import UserError
from bench.core.types import Score
from listening_test.analysis import correlation, markdown, plots
from listening_test.design.mapping import Test
from results.store.rows import Row
from tests.listening_test import simulate
from tests.listening_test.conftest import Export
from tests.listening_test.simulate import careful, submission

TRUTH = {name: simulate.QUALITY[name] for name in ("mixture", "mixture_10db", "half", "tenth")}


@pytest.fixture(scope="module")
def analysed(run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Test]:
    """A test that eight careful listeners, one at random and one blind to the reference took, and its report."""
    root = tmp_path_factory.mktemp("held")
    folder = root / "test"
    mushra.export([str(run), "clips=8", f"out={folder}"])
    test = Test.read(folder)
    people = {f"l{index}": careful(bias) for index, bias in enumerate(np.linspace(-10, 10, 8))}
    people |= {"random": simulate.at_random, "blind": simulate.blind_to_the_reference}
    rng = np.random.default_rng(0)
    files = []
    for listener, rate in people.items():

        def answer(page: str, key: str, rate: simulate.Rate = rate) -> int:
            [heard] = test.heard(page, key)
            return int(np.clip(round(rate(heard.clip, heard.condition, rng)), 0, 100))

        files.append(root / f"{listener}.json")
        files[-1].write_text(json.dumps(submission(test, "group1", listener, answer)))
    mushra.import_([*map(str, files), f"test={folder}"])
    mushra.analyse([str(folder)])
    return folder, test


@pytest.fixture
def held(analysed: tuple[Path, Test], tmp_path: Path) -> tuple[Path, Test]:
    """A copy, to be analysed otherwise."""
    return Path(shutil.copytree(analysed[0], tmp_path / "test")), analysed[1]


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / "analysis" / f"{name}.csv")


def test_the_report_tells_the_truth_that_was_simulated(analysed: tuple[Path, Test]) -> None:
    folder, _ = analysed
    text = (folder / "analysis" / "report.md").read_text()
    screening = read(folder, "screening")
    assert {"blind"} <= set(screening.loc[screening["excluded"], "listener"]) <= {"random", "blind"}
    assert "2 of 10 listeners left out." in text
    assert "- left out: random: " in text and "- left out: blind: hidden reference below 90 in 8 of 8 items" in text
    assert text.startswith(
        "# Listening test: quality from 0 to 100 (MUSHRA, ITU-R BS.1534-3)\n\n8 of 10 listeners, 8 clips"
    )
    assert text.index("![Box plot after screening](boxplot.png)") < text.index("## Ratings after screening")
    assert all(line.count("|") - line.count("\\|") <= 9 for line in text.splitlines())
    before, after = read(folder, "conditions_before_screening"), read(folder, "conditions")
    assert set(before["listeners"]) == {10} and set(after["listeners"]) == {8} and set(after["n"]) == {64}
    for line in after.to_dict("records"):
        truth = 100 if line["condition"] == "reference" else TRUTH[line["condition"]]
        assert line["mean_low"] <= truth <= line["mean_high"]
    assert before.query("condition == 'reference'")["mean"].item() < 95 < after["mean"].max()
    pairs = read(folder, "pairs")
    assert set(map(tuple, pairs[["condition", "other"]].to_numpy())) == {
        *(("mixture", "half"), ("mixture", "tenth"), ("half", "tenth"))
    }
    assert (pairs["p_holm"] < 0.05).all() and (read(folder, "mixed_model")["p_holm"] < 1e-6).all()
    assert (
        "Friedman (over listeners' means over clips): chi-squared(2) = 16.00, p = 3.4e-04, Kendall's W = 1.00" in text
    )
    assert list(read(folder, "power")["points"]) == [5, 10, 15, 20]
    for name in ("boxplot", "boxplot_before_screening"):
        assert (folder / "analysis" / f"{name}.png").stat().st_size > 10_000
        assert (folder / "analysis" / f"{name}.pdf").is_file() and f"({name}.png)" in text


def test_metrics_are_those_of_the_rows_that_were_heard(analysed: tuple[Path, Test]) -> None:
    folder, _ = analysed
    table = read(folder, "correlations").set_index("paradigm")
    assert dict(table["n"]) == {"control": 8, "external": 16, "all": 24}
    assert table.loc["all", "spearman"] > 0.6  # si_sdr and the simulated truth order the conditions alike


def test_a_run_that_is_gone_costs_the_correlations_only(held: tuple[Path, Test], tmp_path: Path) -> None:
    folder, test = held
    data = json.loads((folder / "mapping.json").read_text())
    (folder / "mapping.json").write_text(json.dumps({**data, "run": str(tmp_path / "gone")}))
    mushra.analyse([str(folder)])
    assert (
        "The run is no longer where it was; name its folder with run=DIR."
        in (folder / "analysis" / "report.md").read_text()
    )
    assert not (folder / "analysis" / "correlations.csv").exists()
    mushra.analyse([str(folder), f"run={test.run}"])
    assert (folder / "analysis" / "correlations.csv").is_file()


def test_a_tag_divides_the_plot(analysed: tuple[Path, Test]) -> None:
    folder, test = analysed
    ratings = pd.read_csv(folder / "ratings.csv")
    ratings = ratings[~ratings["training"]]
    tasks = {clip.utterance: clip.tags["task"] for clip in test.clips.values()}
    by = ratings["utterance"].map(tasks).rename("task")
    figure = plots.boxplot(ratings, test.conditions, "mushra", "A test", by)
    assert [ax.get_title() for ax in figure.axes] == [
        "task = denoise: 10 listeners, 4 clips",
        "task = dereverb: 10 listeners, 4 clips",
    ]
    [whole] = plots.boxplot(ratings, test.conditions, "mushra", "A test").axes
    labels = [label.get_text().replace("\n", " ") for label in whole.get_xticklabels()]
    assert labels == ["reference", "mixture", "mixture 10db", "half", "tenth"]
    medians = [
        line.get_ydata()[0] for line in whole.lines if len(set(line.get_ydata())) == 1 and len(line.get_xdata()) == 2
    ]
    assert set(ratings.groupby("condition")["score"].median()) <= set(medians)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (["sessions=[unfinished]"], "sessions: none is unfinished; there are: 10 complete"),
        (["mid_anchor=mixtur"], "unknown condition of the test 'mixtur': did you mean 'mixture'?"),
        (["exclude={nobody: x}"], "unknown listener 'nobody'"),
        (["include=[l1]"], "include: a mapping of a listener to a reason"),
        (["rule=itu"], "rule: one of fitted, bs1534; got 'itu'"),
        (["by=dialect"], "unknown tag of the clips 'dialect'"),
        (["unit=page"], "unit: one of listener, trial; got 'page'"),
        (["run=/no/such"], "run=/no/such: no run is stored here"),
        (["power=[0]"], "power: a list, each a number from 0.1 to 100, or null; got 0"),
    ],
)
def test_mistakes_are_one_line(analysed: tuple[Path, Test], keys: list[str], told: str) -> None:
    with pytest.raises(UserError) as raised:
        mushra.analyse([str(analysed[0]), *keys])
    assert told in str(raised.value)


@pytest.mark.parametrize("wrong", ["mid_anchor=mixtur", "by=dialect", "exclude={nobody: x}", "sessions=[unfinished]"])
def test_a_wrong_option_changes_nothing_on_disk(analysed: tuple[Path, Test], wrong: str) -> None:
    before = {path.name: path.read_bytes() for path in (analysed[0] / "analysis").iterdir()}
    with pytest.raises(UserError):
        mushra.analyse([str(analysed[0]), wrong])
    assert {path.name: path.read_bytes() for path in (analysed[0] / "analysis").iterdir()} == before


def test_another_mid_anchor_can_be_named(held: tuple[Path, Test]) -> None:
    mushra.analyse([str(held[0]), "mid_anchor=mixture_10db"])
    assert set(read(held[0], "screening")["anchor_items"]) == {8}


def test_too_few_listeners_for_a_test_are_told(held: tuple[Path, Test]) -> None:
    folder, _ = held
    ratings = pd.read_csv(folder / "ratings.csv", keep_default_na=False)
    ratings[ratings["listener"].isin(["l0", "l1"])].to_csv(folder / "ratings.csv", index=False)
    mushra.analyse([str(folder)])
    text = (folder / "analysis" / "report.md").read_text()
    assert "With 2 blocks and 3 comparisons no Wilcoxon test can reach p = 0.05" in text


@pytest.mark.parametrize("kind", ["mos", "ab", "abx", "ccr"])
def test_every_kind_has_a_report(export: Export, tmp_path: Path, kind: str) -> None:
    folder, test = export(kind=kind, anchors="[]")
    choices: dict[str, list[Any]] = {"mos": [3, 4], "ab": ["first", "alike"], "abx": ["correct"], "ccr": [-1, 2]}
    files = []
    for number in range(3):
        data = submission(test, "group1", f"l{number}", lambda page, key: choices[kind][hash(key) % len(choices[kind])])
        files.append(tmp_path / f"{kind}{number}.json")
        files[-1].write_text(json.dumps(data))
    mushra.import_([*map(str, files), f"test={folder}"])
    mushra.analyse([str(folder)])
    text = (folder / "analysis" / "report.md").read_text()
    if kind == "mos":
        assert set(read(folder, "conditions")["condition"]) == {"reference", "half", "tenth"}
        assert "Post-screening" not in text and "hidden reference" not in text
    else:
        [line] = read(folder, "pairs").to_dict("records")
        assert (line["condition"], line["other"], line["n"], line["listeners"]) == ("half", "tenth", 12, 3)
        if kind == "abx":
            assert line["score"] == 1 and line["p"] == pytest.approx(2**-12, rel=1e-3)


def test_nobody_left_after_screening_is_said_and_all_are_shown(export: Export, tmp_path: Path) -> None:
    folder, test = export()
    path = tmp_path / "one.json"
    path.write_text(json.dumps(submission(test, "group1", "one", lambda page, key: 40)))
    mushra.import_([str(path), f"test={folder}"])
    mushra.analyse([str(folder)])
    assert "nobody is left" in (folder / "analysis" / "report.md").read_text()


def test_correlations_have_fishers_intervals() -> None:
    """r = 0.5 of n = 28: from 0.156 to 0.736, by the textbook formula."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=28)
    e = rng.normal(size=28)
    x, e = ((v - v.mean()) / v.std() for v in (x, e))
    e = e - (e @ x) / (x @ x) * x
    y = 0.5 * x + math.sqrt(0.75) * e / e.std()
    r, low, high = correlation._with_interval(x, y, ranks=False)
    assert (r, low, high) == pytest.approx((0.5, 0.1560, 0.7356), abs=2e-3)
    rho, wide_low, wide_high = correlation._with_interval(np.exp(x), y, ranks=True)
    assert wide_low < rho < wide_high and rho == correlation._with_interval(x, y, ranks=True)[0]
    assert correlation._with_interval(x, -x, ranks=True) == pytest.approx((-1, -1, -1))
    assert all(map(math.isnan, correlation._with_interval(np.ones(9), y[:9], ranks=False)))


def test_a_correlation_that_was_put_in_comes_out(export: Export, run: Path) -> None:
    """Ratings made from a metric, within one paradigm upwards and within another downwards."""
    from results.store.folder import Store

    _, test = export(clips=8)
    rng = np.random.default_rng(0)
    rows: dict[Any, Row] = {}
    lines = []
    for key, row in Store(run).rows().items():
        value = float(rng.normal())
        rows[key] = Row(key, row.paradigm, "ok", scores={"toy": Score(value)}, tags=row.tags)
        condition = "mixture" if key.method == "noisy" else key.method
        slope = -1 if condition == "mixture" else 1
        lines += [
            (f"l{n}", key.dataset, key.utterance, condition, 50 + 10 * slope * value + rng.normal()) for n in range(5)
        ]
    ratings = pd.DataFrame(lines, columns=["listener", "dataset", "utterance", "condition", "score"])
    table = correlation.correlations(ratings, test, rows).set_index("paradigm")
    assert table.loc["control", "pearson"] < -0.97 and table.loc["external", "spearman"] > 0.9
    assert abs(table.loc["all", "pearson"]) < 0.9


def test_tables_are_markdown() -> None:
    table = pd.DataFrame({"a_b": [7.7778, -12.34], "n": [1, 20], "p": [0.00001, math.nan], "ok": [True, False]})
    assert markdown.lines(table) == [
        "| a b   | n  | p       | ok  |",
        "|-------|----|---------|-----|",
        "| 7.78  | 1  | 1.0e-05 | yes |",
        "| -12.3 | 20 | -       | no  |",
    ]


def test_names_are_text_in_tables_whatever_they_hold() -> None:
    names = ["a|b", "<script>alert(1)</script>", "[x](http://y)", "two\nlines", "`x`", "a_b*c*", "&lt;b&gt;"]
    _, _, *lines = markdown.lines(pd.DataFrame({"label": names, "n": 1}))
    assert [line.split(" | ")[0].removeprefix("| ").rstrip() for line in lines] == [
        *(r"a\|b", r"\<script\>alert(1)\</script\>", r"\[x\](http://y)", "two lines"),
        *(r"\`x\`", r"a\_b\*c\*", r"\&lt;b\&gt;"),
    ]


def test_the_report_is_shown_and_written_again_in_place(
    held: tuple[Path, Test], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = held
    mushra.analyse([str(folder)])
    capsys.readouterr()
    first = {path.name: path.read_bytes() for path in (folder / "analysis").iterdir()}
    mushra.analyse([str(folder)])
    assert {path.name: path.read_bytes() for path in (folder / "analysis").iterdir()} == first
    assert first["report.md"].decode().strip() in capsys.readouterr().out
