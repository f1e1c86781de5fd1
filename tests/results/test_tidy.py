"""Stored runs as tidy data; the documentation's plots are drawn from them."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import pytest

from bench.core.errors import UserError
from bench.core.types import Score
from results.store.folder import Store
from results.store.tidy import scores
from tests.conftest import ROOT
from tests.results.conftest import make_row

DOCS = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name, methods in (("demo", ("noisy", "storm")), ("more", ("theirs",))):
        with Store(tmp_path / "results" / "runs" / name) as store:
            described = {method: {"name": method, "options": {}, "provenance": {}} for method in methods}
            shown = {"label": "PESQ", "unit": "MOS", "higher_is_better": True}
            store.write_manifest(
                {
                    "methods": described,
                    "datasets": {"demo": {"name": "demo", "options": {}, "fingerprint": "f"}},
                    "metrics": {"pesq": {"name": "pesq", "version": "1", "shown": shown}},
                    "sessions": [],
                }
            )
            for method in methods:
                for clip in range(4):
                    pesq = Score.missing("error", "broke") if (method, clip) == ("storm", 3) else Score(1.0 + clip)
                    steps, nfe = (5, 11) if method == "storm" else (None, 0)
                    tags = {"snr": 5 * clip}
                    store.append(
                        make_row(f"u{clip}", method=method, steps=steps, nfe=nfe, tags=tags, pesq=pesq, lsd=2.0)
                    )
    return tmp_path / "results" / "runs"


def test_a_run_is_one_line_per_score(runs: Path) -> None:
    data = scores("demo", runs_dir=runs)
    assert len(data) == 2 * 4 * 2 and set(data["metric"]) == {"pesq", "lsd"}
    assert set(data["system"]) == {"noisy", "storm, N=5"}
    pesq = data[data["metric"] == "pesq"].set_index(["method", "utterance"])
    assert pesq.loc[("noisy", "u2"), "value"] == 3.0 and pesq.loc[("noisy", "u2"), "tag_snr"] == 10
    lost = pesq.loc[("storm", "u3")]
    assert lost["status"] == "error" and lost["reason"] == "broke" and lost["value"] != lost["value"]


def test_several_runs_are_merged(runs: Path) -> None:
    data = scores("demo", runs / "more", runs_dir=runs)
    assert set(data["method"]) == {"noisy", "storm", "theirs"}


def test_a_run_that_is_not_there_is_named(runs: Path) -> None:
    with pytest.raises(UserError, match="nothing"):
        scores("nothing", runs_dir=runs)
    with pytest.raises(UserError, match="needs a run"):
        scores()


def test_the_documentations_plots_are_drawn(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs.parent.parent)
    with mpl.rc_context({"backend": "agg"}):
        exec("\n".join(re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)), {})
    drawn = re.findall(r'savefig\("(.*?)"\)', DOCS)
    assert len(drawn) == 3 and all(Path(name).stat().st_size > 1000 for name in drawn)
