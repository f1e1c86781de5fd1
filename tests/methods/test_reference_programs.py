"""The reference's own programs, run through ``command``, and our methods on the same checkpoints.

Checkouts of sp-uhh/storm and sp-uhh/sgmse are named by SEBENCH_STORM_CHECKOUT and SEBENCH_SGMSE_CHECKOUT.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.conf.compose import compose
from bench.core import audio
from bench.core.types import Audio, Utterance
from bench.run import benchmark, cost, costs
from methods import create
from results.store.folder import Store
from tests.methods.reference_environment import environment

pytestmark = pytest.mark.slow

STEPS, SEED = 3, 0
FOLDERS = "--test_dir {noisy} --enhanced_dir {enhanced}"


@dataclass(frozen=True)
class Program:
    """The program of a repository with an option, its checkpoint, and the method of ours that reads this."""

    repository: str
    option: str
    checkpoint: str
    ours: str

    def __str__(self) -> str:
        return f"{self.repository} {self.option}"

    @property
    def checkout(self) -> Path:
        variable = f"SEBENCH_{self.repository.upper()}_CHECKOUT"
        folder = Path(os.environ.get(variable, ""))
        if not (folder / "enhancement.py").is_file():
            pytest.skip(f"no checkout of sp-uhh/{self.repository} ({variable})")
        return folder.absolute()

    def weights(self, shared: Path) -> Path:
        return shared / "reference" / "ckpt" / self.checkpoint


STORM = Program("storm", "--mode storm", "storm_joint_nf4_midepoch.ckpt", "storm")
SGMSE = Program("sgmse", "--device cpu", "sgmse_ncsnpp_nf4_midepoch.ckpt", "sgmse_m")
OTHER_MODES = [
    Program("storm", "--mode score-only", "storm_score_nf4_midepoch.ckpt", "sgmse_m"),
    Program("storm", "--mode denoiser-only", "storm_denoiser_nf4_epochend.ckpt", "ncsnpp_m"),
]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(environment(tmp_path_factory.mktemp("reference") / "environment"))


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")  # the checkpoints name a class; they are the project's


@pytest.fixture
def noisy(voicebank: list[Utterance]) -> Audio:
    """1.1 s of speech in noise."""
    return voicebank[0].noisy[4000:21600]


@pytest.mark.parametrize("program", [STORM, *OTHER_MODES, SGMSE], ids=str)
def test_its_enhancement_is_ours(
    program: Program, python: str, noisy: Audio, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the noise of one seed: sample by sample to 1e-4 of the peak, of files that may have 16 bits."""
    folder, weights = program.checkout, program.weights(shared)
    monkeypatch.setenv("REPLAY_SEED", str(SEED))
    method = create(program.ours, checkpoint=weights, device="cpu")
    loudest = np.abs(method.enhance(noisy, 16000, STEPS, SEED).audio).max()
    noisy = (noisy * (0.9 / loudest)).astype(np.float32)  # SGMSE's script clips at full scale
    expected = method.enhance(noisy, 16000, STEPS, SEED).audio
    run = f"python enhancement.py {FOLDERS} --N {{steps}} --ckpt {weights} {program.option}"
    theirs = create("command", mode="folder", run=run, python=python, folder=str(folder))
    found = theirs.enhance(noisy, 16000, STEPS, SEED).audio
    error = np.abs(found - expected).max() / np.abs(expected).max()
    print(f"{program}: {error:.1e} of the peak")
    assert error < 1e-4


@pytest.mark.parametrize("program", [STORM, SGMSE], ids=str)
def test_their_costs_stand_beside_ours_in_one_table(
    program: Program, python: str, noisy: Audio, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recipe keeps their network loaded, so that its start is in no figure."""
    for module in (cost, costs):
        monkeypatch.setattr(module, "BUSY", np.inf)  # whatever else runs here: figures for the table, not for a paper
    ours, weights = program.ours, str(program.weights(shared))
    audio.write(tmp_path / "data" / "noisy" / "a.wav", noisy, 16000)
    theirs: dict[str, Any] = {"name": "recipe", "system": program.repository, "label": "theirs", "checkpoint": weights}
    methods = [{**theirs, "python": python, "folder": str(program.checkout)}, {"name": ours, "checkpoint": weights}]
    asked = {"runs_dir": str(tmp_path), "datasets": [str(tmp_path / "data")], "steps": [STEPS], "workers": 0}
    result = benchmark.run({**compose("run", []), **asked, "methods": methods, "metrics": ["dnsmos"]})
    assert not result.failures
    rows = {key.method: row for key, row in Store(result.folder).rows().items()}
    assert rows["theirs"].nfe == rows[ours].nfe > STEPS
    assert all(row.cost["rtf_low"] <= row.cost["rtf"] <= row.cost["rtf_high"] for row in rows.values())
    assert "parameters" in rows[ours].cost and rows["theirs"].cost.keys() == {"rtf", "rtf_low", "rtf_high"}
    table = pd.read_csv(result.folder / "leaderboard.csv").set_index("method")
    assert (table["rtf"] > 0).all()
    print(table[["nfe", "rtf"]])
