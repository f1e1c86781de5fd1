"""Checkpoints that the training scripts of BBED, CRP, SGMSE's DCUNet and StoRM's other predictors wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.core.errors import UserError
from methods import create, from_checkpoint
from methods.backbones.edm2 import EDM2UNet
from methods.checkpoints.description import describe
from methods.checkpoints.sips import sizes
from methods.checkpoints.unpickling import FlowDataModule
from methods.diffusion.paths import OUVE
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


def one_input(**size: Any) -> dict[str, Any]:
    return {"dnn": network(inputs=1, centered=True, **size)}


PRIOR = {**SGMSE, "loss_type": "mse", "normalize": "clean", "theta": 1.5, "sigma_min": 0.05, "sigma_max": 0.5}


def test_priors_of_clean_speech_are_udiffse_s(tmp_path: Path) -> None:
    """Such as the training scripts of UDiffSE and of fast_UdiffSE would write: one input, sampled within EM."""
    made = one_input()
    made["dnn"].output.bias.data.zero_()  # which is added after a division by t, and before one by sigma
    x, t = torch.randn(1, 1, 256, 64, dtype=torch.complex64), torch.tensor([0.4])
    scores = {}
    for name, more in (("UDiffSE", {}), ("fast_UdiffSE", {"audio_only": True, "backbone": "ncsnpp28M"})):
        path = write(tmp_path / f"{name}.ckpt", lightning(made, made, **{**PRIOR, **more}))
        method: Any = from_checkpoint(path)
        assert (method.name, method.default_steps, method.model.training["project"]) == ("udiffse", 30, name)
        assert method.model.sde == OUVE() and method.model.spectrogram.factor == 0.15
        with torch.inference_mode():
            scores[name] = ScoreModel(method.model, torch.zeros_like(x), ()).score(x, t)
        lines = describe(path).lines
        assert lines["method"] == "udiffse" and lines["sampler"] == "N 30" and lines["refused"] == "none"
    # The first divides the network's output by t, the second by the path's standard deviation.
    assert torch.allclose(scores["UDiffSE"] * t, scores["fast_UdiffSE"] * OUVE().std(t), rtol=1e-4, atol=1e-6)
    method = create("udiffse", checkpoint=str(path), iterations=1, samples=1)
    assert method.enhance(torch.randn(900).numpy(), 16000, 2, 0).nfe == 4


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"audio_only": False}, "audio_only=False"),
        ({"spectogram_learning": True}, "spectogram_learning=True"),
        ({"sde": "sbve"}, "sde=sbve"),
    ],
)
def test_a_prior_that_is_not_here_is_refused(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    made = one_input()
    with pytest.raises(UserError, match=message):
        from_checkpoint(write(tmp_path / "p.ckpt", lightning(made, made, **{**PRIOR, **more})))


EDM2: dict[str, Any] = {"width": 8, "multipliers": [1, 2], "blocks": 1, "attention_heights": [], "logvar_width": 4}


def sips_weights(**size: Any) -> dict[str, torch.Tensor]:
    """Under the names of SIPS's project, whose U-Net is a part of its model."""
    torch.manual_seed(0)
    made = EDM2UNet(**{**EDM2, **size}).state_dict()
    return {name if name.startswith("logvar") else f"unet.{name}": value for name, value in made.items()}


@pytest.mark.parametrize("averages", [False, True])
def test_sips_s_file_is_read(tmp_path: Path, averages: bool) -> None:
    weights = sips_weights()
    path = tmp_path / "SIPS.pt"
    torch.save({"ema": weights, "step": 7} if averages else weights, path)
    config = {"audio_encoder_kwargs": {"spec_exp": 0.5, "spec_factor": 0.15, "raw_std": 0.08}}
    config["model_kwargs"] = {"a": 0.1, "c": 0.5, "t_eps": 0.0, "T": 1.0, "channel_mult": [1, 2]}  # type: ignore[dict-item]
    path.with_name("SIPS_config.json").write_text(json.dumps(config))
    method: Any = create("sips", checkpoint=str(path), predictor="logmmse", device="cpu")
    transform = method.model.spectrogram
    assert (transform.n_fft, transform.factor, transform.padding) == (512, pytest.approx(0.9375), "reflect")
    assert method.model.settings.size == {**EDM2, "height": 256} and method.default_steps == 15
    network, x, t = method.model.networks["prior"], torch.randn(1, 1, 256, 8, dtype=torch.complex64), torch.rand(1)
    expected = EDM2UNet(**EDM2).eval()
    expected.load_state_dict({name.removeprefix("unet."): value for name, value in weights.items()})
    with torch.inference_mode():
        assert torch.equal(network.eval()(x, t), expected(x, t))
    assert method.enhance(torch.randn(900).numpy(), 16000, 2, 0).nfe == 2
    lines = describe(path).lines
    assert (lines["from"], lines["method"], lines["sampler"]) == ("SIPS", "sips", "N 15")
    with pytest.raises(UserError, match="holds the 'ema' weights only"):
        from_checkpoint(path, "raw")
    with pytest.raises(UserError, match="these weights are for the method 'sips', not 'storm'"):
        create("storm", checkpoint=str(path))


def test_the_released_network_s_sizes_are_read_from_its_weights(reference2: Reference2) -> None:
    shapes = {name: torch.zeros(shape, device="meta") for name, shape in reference2.json("keys/sips_full_keys.json")}
    with torch.device("meta"):
        expected = EDM2UNet()
        found = EDM2UNet(**sizes(Path("SIPS.pt"), shapes))
    assert {name: value.shape for name, value in found.state_dict().items()} == {
        name.removeprefix("unet."): value.shape for name, value in shapes.items()
    }
    assert sum(p.numel() for p in found.parameters()) == sum(p.numel() for p in expected.parameters())


def test_what_is_no_file_of_sips_costs_a_line(tmp_path: Path) -> None:
    weights = sips_weights()
    path = tmp_path / "SIPS.pt"
    for damage, message in (
        (lambda w: w.pop("unet.out_gain"), "out_gain is missing"),
        (lambda w: w.update({"unet.more": torch.zeros(1)}), "unet.more is not expected"),
        (lambda w: w["unet.out_gain"].fill_(float("nan")), "out_gain holds NaN"),
        (lambda w: [w.pop(name) for name in list(w) if ".enc." in name], "are not those of SIPS's U-Net"),
        (lambda w: w.update({"unet.out_conv.weight": torch.zeros(1).expand(10**12)}), "made up"),
        (lambda w: w.update({"other.weight": torch.zeros(1)}), "it has no 'state_dict'"),
    ):
        damaged = {name: value.clone() for name, value in weights.items()}
        damage(damaged)
        torch.save(damaged, path)
        with pytest.raises(UserError, match=message):
            from_checkpoint(path)
    torch.save(weights, path)
    config = path.with_name("SIPS_config.json")
    for text, message in (
        ('{"model_kwargs": {"c": 1.0}}', "trained with c=1.0"),
        ('{"model_kwargs": {}, "audio_encoder_kwargs": {"raw_std": 0}}', "raw_std=0"),
        ("[]", "not the settings of SIPS's network"),
        ("{}", "not the settings of SIPS's network"),
    ):
        config.write_text(text)
        with pytest.raises(UserError, match=message):
            from_checkpoint(path)
