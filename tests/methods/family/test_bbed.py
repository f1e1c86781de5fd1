"""The Brownian bridge with exponential diffusion coefficient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.core.errors import UserError
from methods import create, from_checkpoint
from methods.diffusion.paths import path_from, per_item
from methods.diffusion.paths.brownian_bridge import BBED
from methods.diffusion.samplers import PredictorCorrector, ProbabilityFlow
from methods.losses import Objective
from methods.spectrogram import Spectrogram
from methods.weights import TrainedModel, load, new_model, save
from tests.methods.checkpoints.files import SGMSE, lightning, network, write
from tests.methods.family.reference2 import FIRST, Reference2, bank, from_bank, near, replayed
from tests.methods.trained import losses
from tests.reference.checks.networks import network as reference_network
from tests.reference.golden import Golden

SMALL = {"width": 8, "multipliers": [1, 2]}
PATH = BBED()


def test_standard_deviation_is_the_published_one() -> None:
    t = torch.tensor([0.0, 0.03, 0.1, 0.5, 0.75, 0.9, 0.999])
    published = [0.0, 0.12361, 0.22527, 0.48693, 0.53240, 0.44757, 0.05834]
    assert PATH.std(t).tolist() == pytest.approx(published, abs=6e-6)


@pytest.mark.parametrize("path", [PATH, BBED(10.0, 0.08), BBED(100.0, 0.01)])
def test_variance_and_mean_solve_their_ordinary_differential_equations(path: BBED) -> None:
    """d var / dt = g^2 - 2 var / (1 - t), and d mean / dt = f(mean)."""
    t = torch.linspace(0.001, 0.99, 50, dtype=torch.float64, requires_grad=True)
    variance = path.std(t) ** 2
    (slope,) = torch.autograd.grad(variance.sum(), t)
    assert torch.allclose(slope, path.diffusion(t) ** 2 - 2 * variance / (1 - t), rtol=1e-6, atol=1e-9)
    x0, y = (torch.randn(50, 1, 2, 2, dtype=torch.complex64) for _ in range(2))
    time = t.detach().float()
    assert torch.allclose(path.drift(path.mean(x0, time, y), time, y), y - x0, rtol=1e-3, atol=1e-3)


def test_the_reverse_process_starts_at_t_and_batches_are_their_items() -> None:
    """The released code divides the drift by a vector along the frames, and so samples one item at a time."""
    x0, y = (torch.randn(3, 1, 4, 6, dtype=torch.complex64) for _ in range(2))

    def score(x0: Tensor, y: Tensor) -> Any:
        return lambda x, t: -(x - PATH.mean(x0, t, y)) / per_item(PATH.std(t)) ** 2

    sampler = PredictorCorrector(corrector="none", stepping="grid")
    whole = sampler.sample(score(x0, y), PATH, y, 20, torch.zeros_like)
    assert (whole - x0).abs().max() < 0.2 * (y - x0).abs().max()
    for i in range(3):
        one = slice(i, i + 1)
        assert torch.allclose(sampler.sample(score(x0[one], y[one]), PATH, y[one], 20, torch.zeros_like), whole[one])


def test_times_that_it_does_not_have_are_refused() -> None:
    with pytest.raises(UserError, match="T below 1"):
        path_from({"name": "bbed", "T": 1.0})
    with pytest.raises(UserError, match=r"start=1.0: for the SDE bbed a time above t_eps=0.03, at most T=0.999"):
        create("sgmse_m", checkpoint=new_model("sgmse_m", SMALL, sde=PATH), start=1.0)


@pytest.mark.parametrize("method", ["sgmse_m", "storm", "refinement"])
def test_every_diffusion_method_runs_along_it(method: str, tmp_path: Path) -> None:
    model = new_model(method, SMALL, sde=PATH, sampler={"corrector": "none", "stepping": "grid", "start": 0.5})
    save(tmp_path / "w.safetensors", model)
    assert load(tmp_path / "w.safetensors").sde == PATH
    made = create(method, checkpoint=model).enhance(torch.randn(900).numpy(), 16000, 3, 0)
    assert made.nfe == 3 + ("denoiser" in model.networks)


@pytest.mark.parametrize(
    ("told", "path"),
    [
        ({"sde": "bbed", "k": 10.0, "theta": 0.08, "T_sampling": 0.99}, BBED(10.0, 0.08, 0.99)),
        ({"sde": "bbve", "sigma_min": 0.5, "sigma_max": 5.0, "theta": 0.2}, BBED(10.0, 0.05)),
    ],
)
def test_checkpoints_call_it_by_two_names(tmp_path: Path, told: dict[str, Any], path: BBED) -> None:
    made = {"dnn": network(centered=True)}
    file = write(tmp_path / "b.ckpt", lightning(made, made, **{**SGMSE, "loss_type": "mse", **told}))
    method: Any = from_checkpoint(file)
    assert method.model.sde.config() == pytest.approx(path.config())
    assert method.default_steps == 15 and method.provenance()["sampler"]["start"] == 0.5
    assert method.provenance()["sampler"]["stepping"] == "grid"


@pytest.mark.parametrize("file", ["bbed_k2.6_theta0.51", "bbed_k2.6_theta0.52", "bbed_k10_theta0.08"])
def test_the_path_is_the_released_codes(reference2: Reference2, file: str) -> None:
    a = reference2.arrays(f"sde/{file}.npz")
    path = BBED(float(a["k"]), float(a["theta"]))
    near(path.mean(a["x0"], a["t"], a["y"]), a["mean"], 1e-5)
    near(path.std(a["t"]), a["std"], 1e-4)
    near(path.drift(a["x"], a["t"], a["y"]), a["drift"], 1e-5)
    near(path.diffusion(a["t"]), a["diffusion"], 1e-5)
    for start in ("0.999", "0.5"):
        prior = path.prior_sampling(a["y"], lambda _: a["prior_noise"], float(start))
        near(prior, a[f"prior_sample_T{start}"], 1e-4)


def test_the_sampler_is_the_released_codes(reference2: Reference2) -> None:
    a = reference2.arrays("sampler/bbed_pc_analytic.npz")
    x0, y = a["x0"], a["y"]
    compared = 0
    for case in reference2.json("sampler/bbed_pc_analytic.json"):
        if "predictor" not in case or "official_error" in case:
            continue
        sampler = PredictorCorrector(
            case["predictor"],
            case["corrector"],
            case["corrector_steps"],
            case["snr"],
            "grid",
            denoise=case.get("denoise", True),
            t_eps=case["eps"],
            start=case["T"],
        )
        found = sampler.sample(
            lambda x, t: -(x - PATH.mean(x0, t, y)) / per_item(PATH.std(t)) ** 2,
            PATH,
            y,
            case["N"],
            replayed(a["noise_bank"]),
        )
        near(found, a[f"case{case['case']:02d}_out"], 3e-4)
        compared += 1
    assert compared > 10
    for name in (key for key in a if key.startswith("ode_T") and key.endswith("_out")):
        start = float(name.removeprefix("ode_T").removesuffix("_out"))
        sampler_ode = ProbabilityFlow(stepping="grid", start=start)
        found = sampler_ode.sample(
            lambda x, t: -(x - PATH.mean(x0, t, y)) / per_item(PATH.std(t)) ** 2, PATH, y, 30, replayed(a["noise_bank"])
        )
        near(found, a[name], 1e-3)


def released(tag: str, **more: Any) -> TrainedModel:
    """A network of the first set along this path."""
    network = reference_network(Golden("sde/ouve_default.npz"), tag)
    return TrainedModel("sgmse_m", {"score": {}}, {"score": network}, sde=PATH, **more)


def test_with_a_network_sampling_and_loss_are_the_released_codes(reference2: Reference2) -> None:
    a, model = reference2.arrays("sampler/bbed_pc_nets.npz"), released("m_score4_nf8")
    for case in reference2.json("sampler/bbed_pc_nets.json"):
        options = {"corrector": case["corrector"], "stepping": "grid", "start": case["T"]}
        method: Any = create("sgmse_m", checkpoint=model, device="cpu", **options)
        with torch.inference_mode():
            found = method.sample(a["Y"], (a["Y"],), case["N"], replayed(a["noise_bank"]))
        near(found, a[f"{case['tag']}_out"], 2e-3)
    a, expected = reference2.arrays("loss/bbed_loss.npz"), reference2.json("loss/bbed_loss.json")["dsm_mse"]
    found = losses(model, Objective(), a["X"], a["Y"], a["t"], a["Z"]).total
    near(found, torch.tensor(expected["loss"]), 1e-4)
    found.backward()
    squares = [p.grad.square().sum() for p in model.networks["score"].parameters() if p.grad is not None]
    near(torch.stack(squares).sum().sqrt(), torch.tensor(expected["grad_norm"]), 1e-3)


@pytest.mark.slow
def test_enhanced_speech_is_the_released_codes(reference2: Reference2) -> None:
    a = reference2.arrays("enhance/bbed_enhance.npz")
    model = released("sgmse_ncsnpp_nf8", spectrogram=Spectrogram(factor=0.15))
    for case in reference2.json("enhance/bbed_enhance.json"):
        options = {"corrector": case.get("corrector", "ald"), "stepping": "grid", "start": case["T"]}
        method: Any = create("sgmse_m", checkpoint=model, device="cpu", **options)
        made = method.enhance_waveform(a["noisy"].numpy(), case["N"], from_bank(bank(FIRST / "enhance")))
        near(torch.from_numpy(made.audio), a[case["tag"]], 2e-3)
