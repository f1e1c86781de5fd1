"""Checkpoints that the training scripts of BBED, CRP, SGMSE's DCUNet and StoRM's other predictors wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from bench.core.errors import UserError
from methods import from_checkpoint
from methods.checkpoints.unpickling import FlowDataModule
from methods.diffusion.paths.brownian_bridge import BBED
from methods.diffusion.paths.flow_matching import StraightFlow
from methods.diffusion.score_model import ScoreModel
from methods.estimate import estimated_waveform
from tests.methods.checkpoints.files import SGMSE, lightning, network, write
from tests.methods.family.reference2 import FIRST, Reference2, bank, from_bank, near

FILES = {
    "bbed_ncsnpp_nf4_midepoch": "sgmse_m",
    "crp_ncsnpp_nf4_midepoch": "crp",
    "sgmse_dcunet_small_midepoch": "sgmse_m",
    "storm_gagnet_small_midepoch": "gagnet",
    "storm_convtasnet_small_midepoch": "convtasnet",
}


@pytest.mark.parametrize("weights", ["ema", "raw"])
@pytest.mark.parametrize("file", FILES)
def test_networks_give_the_references_numbers(reference2: Reference2, file: str, weights: str) -> None:
    a = reference2.arrays(f"ckpt/{file.partition('_')[0]}_ckpt_outputs.npz")
    method: Any = from_checkpoint(reference2.folder / f"ckpt/{file}.ckpt", weights)
    assert method.name == FILES[file]
    prefix = f"{file}/{'ema' if weights == 'ema' else 'state_dict'}/"
    found = {key.removeprefix(prefix): value for key, value in a.items() if key.startswith(prefix)}
    compared = 0
    with torch.inference_mode():
        for key, expected in found.items():
            if key == "score":
                near(ScoreModel(method.model, a["y"], (a["y"],)).score(a["x"], a["t"]), expected, 1e-4)
                compared += 1
            elif key == "forward":
                given, denoiser = a[f"y_{method.name}"], method.model.networks["denoiser"]
                waveform = estimated_waveform(denoiser, method.model.spectrogram, given)
                near(waveform if method.name == "convtasnet" else denoiser(given), expected, 1e-4)
                compared += 1
    assert compared == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("bbed_ncsnpp_nf4_midepoch", "enhance_T0.5_N2_ald"),
        ("crp_ncsnpp_nf4_midepoch", "enhance_eum_T0.5_N2"),
        ("sgmse_dcunet_small_midepoch", "enhance"),
        ("storm_gagnet_small_midepoch", "enhance"),
        ("storm_convtasnet_small_midepoch", "enhance"),
    ],
)
def test_enhanced_speech_is_the_references(reference2: Reference2, file: str, key: str) -> None:
    expected = reference2.arrays(f"ckpt/{file.partition('_')[0]}_ckpt_outputs.npz")[f"{file}/ema/{key}"]
    noisy = reference2.arrays("enhance/bbed_enhance.npz")["noisy"].numpy()
    method: Any = from_checkpoint(reference2.folder / f"ckpt/{file}.ckpt")
    folder, name = FIRST / "enhance", "noise_bank_1x1x256x192.npz"
    if method.model.spectrogram.n_fft == 512:
        folder, name = reference2.folder / "enhance", "noise_bank_1x1x257x192.npz"
    made = method.enhance_waveform(noisy, 2, from_bank(bank(folder, name)))
    near(torch.from_numpy(made.audio), expected, 2e-3)


def test_they_are_run_as_their_projects_run_them(reference2: Reference2) -> None:
    bbed: Any = from_checkpoint(reference2.folder / "ckpt/bbed_ncsnpp_nf4_midepoch.ckpt")
    assert bbed.model.sde == BBED(2.6, 0.51) and bbed.default_steps == 15 and bbed.sampler.start == 0.5
    crp: Any = from_checkpoint(reference2.folder / "ckpt/crp_ncsnpp_nf4_midepoch.ckpt")
    assert crp.default_steps == 1 and (crp.sampler.corrector, crp.sampler.start) == ("none", 0.5)
    dcunet: Any = from_checkpoint(reference2.folder / "ckpt/sgmse_dcunet_small_midepoch.ckpt")
    assert dcunet.model.spectrogram.n_fft == 512 and dcunet.default_steps == 30
    shifted: Any = from_checkpoint(reference2.folder / "ckpt/storm_convtasnet_small_midepoch.ckpt")
    assert not shifted.model.networks["denoiser"].aligned
    noisy = shifted.model.spectrogram.forward(torch.randn(1, 2000))
    waveform = estimated_waveform(shifted.model.networks["denoiser"], shifted.model.spectrogram, noisy)
    assert waveform.shape[-1] > shifted.model.spectrogram.samples(noisy.shape[-1])


def test_flowse_s_files_load(tmp_path: Path) -> None:
    """Such as its training script would write: a path called ``ode``, and a data module of its own package."""
    made = {"dnn": network(centered=True)}
    settings = {key: value for key, value in SGMSE.items() if key != "sde"}
    settings |= {"loss_type": "mse", "ode": "flowmatching", "sigma_min": 0.0, "sigma_max": 0.4}
    method: Any = from_checkpoint(write(tmp_path / "f.ckpt", lightning(made, made, **settings)))
    assert method.model.sde == StraightFlow(0.4) and method.default_steps == 5
    assert method.model.training["project"] == "FlowSE" and method.model.parametrization.predicts == "velocity"
    assert method.enhance(torch.randn(900).numpy(), 16000, 2, 0).nfe == 2
    assert f"{FlowDataModule.__module__}.{FlowDataModule.__qualname__}" == "flowmse.data_module.SpecsDataModule"
    settings["sigma_min"] = 0.1
    with pytest.raises(UserError, match=r"sigma_min=0\.1"):
        from_checkpoint(write(tmp_path / "g.ckpt", lightning(made, made, **settings)))


def test_a_file_that_names_another_network_than_it_holds_is_refused(tmp_path: Path) -> None:
    made = {"dnn": network(centered=True)}
    for name in ("convtasnet", "gagnet", "dcunet"):
        path = write(tmp_path / f"{name}.ckpt", lightning(made, made, **{**SGMSE, "backbone": name}))
        with pytest.raises(UserError, match="its network 'dnn' does not fit: no weight of a"):
            from_checkpoint(path)
