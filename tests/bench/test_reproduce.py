"""Published figures beside those of runs: what passes, what differs and why, what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.__main__ import main
from results.published.figures import figures, names, published, read
from results.store.rows import Row
from tests.results.tables.stored import row, store

SIZES = {"denoiser": {}, "score": {}}
PAPER = {
    "parameters": 55_118_388,
    "sizes": SIZES,
    "condition": "both",
    "spectrogram": {"window": "sqrthann"},
    "sde": {"theta": 1.5},
    "sampler": {
        "corrector": "ald",
        "predictor": "reverse_diffusion",
        "times": "to_zero",
        "stepping": "grid",
        "denoise": False,
    },
}


def rows(method: str, pesq: float, steps: int | None = None, dataset: str = "wsj0_chime3") -> list[Row]:
    spread = np.linspace(-0.1, 0.1, 20)
    scores = [{"pesq": float(pesq + x), "estoi": float(0.88 + x / 100), "si_sdr": float(14.7 + x)} for x in spread]
    return [row(method, f"c{n:02d}", one, steps=steps, dataset=dataset) for n, one in enumerate(scores)]


def reproduce(tmp_path: Path, *arguments: str) -> pd.DataFrame:
    out = tmp_path / "found.csv"
    assert main(["reproduce", *arguments, "resamples=1000", f"out={out}"]) == 0
    return pd.read_csv(out, dtype={"table": str}).fillna({"why": "", "on": ""})


def one(frame: pd.DataFrame, table: str, system: str, metric: str) -> Any:
    [found] = frame[(frame.table == table) & (frame.system == system) & (frame.metric == metric)].itertuples()
    return found


def test_there_are_enough_figures_and_each_names_its_source() -> None:
    assert sum(1 for name in names() for _ in figures(published(name))) >= 30
    for name in names():
        assert len(published(name).source) > 40 and published(name).url.startswith("https://")
        for figure in figures(published(name)):
            assert figure.line.get or figure.line.method == "noisy"


def test_the_figures_are_those_that_may_be_cited(shared: Path) -> None:
    lines = (shared / "reference" / "PUBLISHED.md").read_text(encoding="utf-8").splitlines()
    for figure in figures(published("storm")):
        printed = [*figure.line.scores.values(), *filter(None, [figure.line.parameters])]
        assert any(all(value in line for value in printed) for line in lines), figure


@pytest.mark.slow
def test_published_scores_of_real_recordings(shared: Path, tmp_path: Path) -> None:
    data = f"datasets=[{{name: paired_folder, dir: {shared / 'realdata' / 'vbdmd'}, label: vb}}]"
    metrics = "metrics=[pesq,csig,cbak,covl,ssnr,stoi]"
    assert main(["run", "run=vb", f"runs_dir={tmp_path}", data, "methods=[noisy]", metrics, "workers=0"]) == 0
    frame = reproduce(tmp_path, "vbdmd_noisy", str(tmp_path / "vb"), "datasets={voicebank_demand: vb}")
    assert one(frame, "p232", "noisy", "pesq").verdict == "PASS" and (frame.n == 10).all()
    assert set(frame.verdict) <= {"PASS", "DIFFERS"}


@pytest.mark.parametrize(
    ("printed", "expected"),
    [("2.53 ± 0.63", (2.53, 0.005)), ("14.7 ± 4.3", (14.7, 0.05)), ("-0.3", (-0.3, 0.05)), ("65", (65, 0.5))],
)
def test_precision_is_that_of_print(printed: str, expected: tuple[float, float]) -> None:
    assert read(printed) == pytest.approx(expected)


def test_without_runs_every_figure_says_what_is_missing(tmp_path: Path) -> None:
    frame = reproduce(tmp_path, "storm")
    assert set(frame.verdict) == {"CANNOT RUN"} and (frame.why != "").all()
    assert one(frame, "V", "mixture", "pesq").why.startswith("data: bench data prepare wsj0_chime3")
    assert "bench train experiment=table6_noisy" in one(frame, "VI", "noisy", "estoi").why


def test_the_papers_numbers_pass(tmp_path: Path) -> None:
    run = store(tmp_path / "run", [*rows("storm", 2.53, 50), *rows("noisy", 1.9)], provenance={"storm": PAPER})
    frame = reproduce(tmp_path, "storm", str(run), "tables=[V]")
    for metric in ("pesq", "estoi", "si_sdr"):
        found = one(frame, "V", "StoRM with NCSN++M", metric)
        assert found.verdict == "PASS" and found.why == "" and found.n == 20
    mixture = one(frame, "V", "mixture", "pesq")
    assert mixture.verdict == "DIFFERS" and mixture.why == "by no setting that is known"
    assert one(frame, "V", "StoRM with GaGNet", "pesq").verdict == "CANNOT RUN"


def test_known_settings_explain_a_difference(tmp_path: Path) -> None:
    small = {
        **PAPER,
        "parameters": 2_400_000,
        "spectrogram": {"window": "hann"},
        "sampler": {**PAPER["sampler"], "corrector": "none"},  # type: ignore[dict-item]
    }
    run = store(tmp_path / "run", rows("storm", 2.0, 30), provenance={"storm": small})
    found = one(reproduce(tmp_path, "storm", str(run)), "V", "StoRM with NCSN++M", "pesq")
    assert found.verdict == "DIFFERS" and found.on == "run: storm, N=30"
    for told in ("N 30, published 50", "corrector none, published ald", "window hann", "networks of 1.2 M"):
        assert told in found.why
    assert "predictor" not in found.why and "theta" not in found.why


def test_the_nearest_system_is_taken(tmp_path: Path) -> None:
    run = store(tmp_path / "run", [*rows("storm", 2.0, 10), *rows("storm", 2.53, 50)], provenance={"storm": PAPER})
    assert one(reproduce(tmp_path, "storm", str(run)), "V", "StoRM with NCSN++M", "pesq").on == "run: storm, N=50"


def test_of_systems_alike_the_nearest_in_steps_is_taken(tmp_path: Path) -> None:
    run = store(tmp_path / "run", [*rows("storm", 2.0, 3), *rows("storm", 2.1, 30)], provenance={"storm": PAPER})
    assert one(reproduce(tmp_path, "storm", str(run)), "V", "StoRM with NCSN++M", "pesq").on == "run: storm, N=30"


def test_names_are_mapped(tmp_path: Path) -> None:
    run = store(tmp_path / "run", rows("storm", 2.53, 50, "mine"), provenance={"storm": PAPER})
    keys = ["datasets={wsj0_chime3: mine}", "systems={table7_joint: storm}"]
    frame = reproduce(tmp_path, "storm", str(run), *keys)
    assert one(frame, "VII", "both from random weights, supervised term", "estoi").verdict == "PASS"
    assert one(frame, "VII", "predictive network before, then frozen", "estoi").verdict == "CANNOT RUN"


def test_sizes_are_compared_without_data(tmp_path: Path) -> None:
    about = {
        "sgmse_m": {"parameters": 27_756_314, "sizes": {"score": {}}},
        "ncsnpp_m": {"parameters": 27_342_350, "sizes": {"denoiser": {}}},
    }
    run = store(tmp_path / "run", [*rows("sgmse_m", 2, 50), *rows("ncsnpp_m", 2)], provenance=about)
    frame = reproduce(tmp_path, "storm", str(run))
    assert one(frame, "text", "NCSN++M, parameters in millions", "parameters").verdict == "PASS"
    fewer = one(frame, "text", "parameters less without noise conditioning, per cent", "parameters")
    assert fewer.verdict == "DIFFERS" and fewer.measured == pytest.approx(1.49, abs=0.01) and "1.5 %" in fewer.why


def test_values_per_file_are_of_the_same_files(tmp_path: Path) -> None:
    known = {"p232_001": 2.926636, "p232_005": 1.331947}
    recordings = [row("noisy", clip, {"pesq": value}, dataset="vb") for clip, value in known.items()]
    run = store(tmp_path / "run", [*recordings, row("noisy", "p257_001", {"pesq": 4.0}, dataset="vb")])
    frame = reproduce(tmp_path, "vbdmd_noisy", str(run), "datasets={voicebank_demand: vb}")
    pesq = one(frame, "p232", "noisy", "pesq")
    assert pesq.verdict == "PASS" and pesq.n == 2 and pesq.published == pytest.approx(np.mean(list(known.values())))
    assert "metrics=[csig]" in one(frame, "p232", "noisy", "csig").why


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["strom"], "did you mean 'storm'"), (["storm", "tables=[VIII]"], "did you mean 'VII'"), ([], "usage: bench")],
)
def test_what_is_not_there_is_named(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", *arguments]) == 2
    assert said in capsys.readouterr().err
