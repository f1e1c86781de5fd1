"""A site from many submissions: ranks with intervals, links, what other programs read."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from bench.__main__ import main
from bench.core.types import Score
from results.site.exports import SCHEMA_VERSION
from results.site.ranking import Task, rank
from results.statistics.analysis import Options
from results.store.info import MetricInfo
from results.store.rows import Row
from tests.results.tables.stored import row, store

QUICK = Options(resamples=1000)
METRICS = {"pesq": MetricInfo("PESQ", "MOS", low=1, high=4.644), "wer": MetricInfo("WER", "%", False, low=0)}
CLIPS = 10


def rows(method: str, gain: float, noise: float = 0.02, seed: int = 0) -> list[Row]:
    random = np.random.default_rng(seed)
    return [
        row(method, f"c{n}", {"pesq": 2 + n / 20 + gain + float(random.normal(0, noise)), "wer": 30 - 10 * gain})
        for n in range(CLIPS)
    ]


def test_ranks_are_over_tasks_and_controls_have_none() -> None:
    found = rank([*rows("noisy", 0), *rows("a", 0.5), *rows("b", 1.0)], METRICS, QUICK)
    assert list(found.tasks) == [Task("demo", "pesq"), Task("demo", "wer")]
    assert [(entry.method, entry.rank) for entry in found.entries[:2]] == [("b", 1), ("a", 2)]
    assert found.entries[2].method == "noisy" and "not ranked" in found.entries[2].why


def test_intervals_are_wide_where_systems_are_alike() -> None:
    metrics = {"pesq": METRICS["pesq"]}
    near = [*rows("a", 0.5, 0.3, 1), *rows("b", 0.5, 0.3, 2), *rows("c", 1.8, 0.01)]
    found = {entry.method: entry for entry in rank(near, metrics, QUICK).entries}
    assert (found["c"].low, found["c"].high) == (1, 1)
    assert found["a"].low == found["b"].low == 2 and found["a"].high == found["b"].high == 3


def test_leaving_out_or_failing_does_not_help() -> None:
    failed = [*rows("a", 2)[1:], row("a", "c0", {"pesq": Score.missing("error", "crash"), "wer": 1.0})]
    found = {entry.method: entry for entry in rank([*failed, *rows("b", 2)[2:], *rows("c", 0)], METRICS, QUICK).entries}
    assert found["a"].why == "no pesq of 1 of 10 recordings of demo"
    assert found["b"].why == "no pesq of 2 of 10 recordings of demo" and found["c"].rank == 1


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 50 submissions, one by someone who writes markup."""
    folder = tmp_path_factory.mktemp("fifty")
    names = [f"team-{number:02d}" for number in range(49)] + ["<b>&"]
    for number, name in enumerate(names):
        run = store(
            folder / "runs" / name,
            [*rows("noisy", 0), *rows("mine", number / 50, 0.05, number)],
            provenance={"mine": {"weights_sha256": f"{number:064x}"}},
        )
        if number:  # the first has none yet: it is made
            (run / "report.html").write_text(f"report of {number}", encoding="utf-8")
    runs = [str(folder / "runs" / name) for name in names]
    assert main(["publish", *runs, f"out={folder / 'site'}", "resamples=1000", "hub={demo: org/demo}"]) == 0
    return folder / "site"


def test_the_site_of_fifty_submissions(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    assert text.count("<tr") == 1 + 50 + 1
    for href in re.findall(r'<a href="(submissions/[^"]+)"', text):
        assert (site / href.replace("%25", "%")).is_file()
    assert len({*re.findall(r'<a href="(submissions/[^"]+)"', text)}) == 50
    assert "<b>" not in text and "&lt;b&gt;" in text
    assert "http://" not in text and "https://" not in text
    assert "<html" in (site / "submissions" / "team-00" / "report.html").read_text(encoding="utf-8")


def test_the_best_is_first_with_an_interval(site: Path) -> None:
    frame = pd.read_csv(site / "leaderboard.csv")
    ranked = frame[frame["why_unranked"].isna()]
    assert len(ranked) == 50 and ranked["rank"].is_monotonic_increasing
    assert (ranked["rank_low"] <= ranked["rank"]).all() and (ranked["rank"] <= ranked["rank_high"]).all()
    assert ranked["submission"].iloc[0] in ("<b>&", "team-48", "team-47", "team-46")
    assert len(json.loads((site / "leaderboard.json").read_text(encoding="utf-8"))) == len(frame)


def test_every_eval_ever_has_a_record_of_each_system(site: Path) -> None:
    records = sorted((site / "every_eval_ever").rglob("*.json"))
    assert len(records) == 50
    record = json.loads(records[0].read_text(encoding="utf-8"))
    named = {result["metric_config"]["metric_id"]: result for result in record["evaluation_results"]}
    assert named["sebench.wer"]["metric_config"]["lower_is_better"] is True
    assert named["sebench.pesq"]["score_details"]["uncertainty"]["num_samples"] == CLIPS


def test_every_eval_ever_accepts_it(site: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    if find_spec("every_eval_ever") is None:
        pytest.skip("pip install every-eval-ever, which needs Python 3.12")
    schema = json.loads(files("every_eval_ever").joinpath("schemas/eval.schema.json").read_text(encoding="utf-8"))
    assert schema["version"] == SCHEMA_VERSION
    record = json.loads(next((site / "every_eval_ever").rglob("*.json")).read_text(encoding="utf-8"))
    jsonschema.validate(record, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, "evaluation_id": 3}, schema)


def test_hugging_face_reads_it(site: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    if not hasattr(hub, "parse_eval_result_entries"):
        pytest.skip("an earlier huggingface_hub")
    file = next((site / "eval_results").rglob("*.yaml"))
    entries = hub.parse_eval_result_entries(yaml.safe_load(file.read_text(encoding="utf-8")))
    assert {entry.task_id for entry in entries} == {"pesq", "wer"}
    assert all(entry.dataset_id == "org/demo" and entry.value > 1 for entry in entries)


def test_a_site_needs_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = store(tmp_path / "run", rows("a", 0))
    assert main(["publish", str(run)]) == 2
    assert "needs out=FOLDER" in capsys.readouterr().err
