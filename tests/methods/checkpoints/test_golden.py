"""Checkpoints that the official training scripts wrote, number for number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from methods import from_checkpoint
from methods.conditioning import conditioning
from methods.diffusion.method import DiffusionMethod
from methods.diffusion.score_model import ScoreModel
from methods.spectral import SpectralMethod
from tests.methods.checkpoints.files import GOLDEN

FILES = {
    "storm_joint_nf4_midepoch": "storm",
    "storm_score_nf4_midepoch": "sgmse_m",
    "storm_denoiser_nf4_epochend": "ncsnpp_m",
    "sgmse_ncsnpp_nf4_midepoch": "sgmse_m",
}


def outputs(file: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "ckpt" / f"{file.partition('_')[0]}_ckpt_outputs.npz") as golden:
        return {key.removeprefix(f"{file}/"): golden[key] for key in golden if "/" not in key or key.startswith(file)}


def loaded(file: str, weights: str | None = None) -> SpectralMethod:
    method = from_checkpoint(GOLDEN / "ckpt" / f"{file}.ckpt", weights)
    assert isinstance(method, SpectralMethod)
    return method


@pytest.mark.parametrize("weights", ["ema", "raw"])
@pytest.mark.parametrize("file", FILES)
def test_networks_give_the_references_numbers(file: str, weights: str) -> None:
    method, golden = loaded(file, weights), outputs(file)
    networks, model = method.model.networks, method.model
    x, y, t = (torch.from_numpy(golden[name]) for name in ("x", "y", "t"))
    stored = "ema" if weights == "ema" else "state_dict"
    with torch.inference_mode():
        start = networks["denoiser"](y) if "denoiser" in networks else y
        computed = {f"{stored}/denoised": start} if "denoiser" in networks else {}
        if "score" in networks:
            beside = conditioning(model.settings.condition, y, start) if start is not y else (y,)
            computed[f"{stored}/score"] = ScoreModel(model, start, beside).score(x, t)
    assert computed.keys() == {key for key in golden if key.startswith(stored)} - {f"{stored}/enhance"}
    for key, value in computed.items():
        assert np.abs(value.numpy() - golden[key]).max() < 5e-6 * np.abs(golden[key]).max(), key


@pytest.mark.parametrize("file", FILES)
def test_enhanced_speech_is_the_references(file: str) -> None:
    """With its own default sampler, told nothing but N and the noise."""
    with np.load(GOLDEN / "enhance" / "storm_enhance.npz") as golden:
        noisy = golden["noisy"].reshape(-1)
    noise = replayed()
    ours, expected = loaded(file).enhance_waveform(noisy, 2, lambda _: next(noise)).audio, outputs(file)["ema/enhance"]
    assert np.abs(ours - expected).max() < 5e-5 * np.abs(expected).max()


def replayed() -> Iterator[torch.Tensor]:
    with np.load(GOLDEN / "enhance" / "noise_bank_1x1x256x192.npz") as golden:
        bank = golden["noise_re_im_f16"].astype(np.float32)
    return iter(torch.view_as_complex(torch.from_numpy(bank)))


@pytest.mark.parametrize(("file", "name"), FILES.items())
def test_the_method_and_its_settings_are_in_the_file(file: str, name: str) -> None:
    method = loaded(file)
    assert method.name == name
    sgmse = file.startswith("sgmse")
    assert {network.centered for network in method.model.networks.values()} == {sgmse}
    assert method.model.spectrogram.factor == (0.15 if sgmse else 0.33)
    assert method.provenance()["weights"] == "ema"
    if isinstance(method, DiffusionMethod):
        assert getattr(method.model.settings, "condition", None) == ("both" if name == "storm" else None)
        assert method.default_steps == (30 if sgmse else 50)
        sampler = method.provenance()["sampler"]
        assert (sampler["predictor"], sampler["corrector"], sampler["snr"]) == ("reverse_diffusion", "ald", 0.5)
        assert sampler["stepping"] == ("grid" if sgmse else "uniform")


def test_what_is_asked_for_comes_before_what_the_checkpoint_asks_for() -> None:
    path = GOLDEN / "ckpt" / "storm_joint_nf4_midepoch.ckpt"
    method = from_checkpoint(path, corrector="none", stepping="grid")
    assert method.provenance()["sampler"]["corrector"] == "none"
    assert method.provenance()["sampler"]["stepping"] == "grid"


@pytest.mark.parametrize("file", FILES)
def test_whole_files_of_the_reference_hold_the_same(shared: Path, file: str) -> None:
    """The copies here lack the optimiser's state; with it, the same comes out."""
    whole = from_checkpoint(shared / "reference" / "ckpt" / f"{file}.ckpt")
    assert isinstance(whole, SpectralMethod)
    lean = loaded(file)
    for name, network in whole.model.networks.items():
        for key, tensor in network.state_dict().items():
            assert torch.equal(tensor, lean.model.networks[name].state_dict()[key])
    assert {**whole.model.config(), "training": {}} == {**lean.model.config(), "training": {}}
