"""Training objectives, their gradients, and the moving average of weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from methods.conditioning import conditioning
from methods.diffusion.parametrization import PARAMETRIZATIONS, ScorePrediction
from methods.diffusion.paths import SBVE
from methods.diffusion.score_model import ScoreModel
from methods.losses import Objective, diffusion_time
from methods.spectrogram import Spectrogram
from methods.training.ema import EMA, ema_decay
from methods.weights import TrainedModel
from tests.methods.trained import losses
from tests.reference.checks.networks import NETWORKS, network
from tests.reference.checks.systems import storm_model
from tests.reference.golden import Comparison, Golden, reproduces


def gradient(module: nn.Module) -> float:
    return float(torch.stack([p.grad.norm() for p in module.parameters() if p.grad is not None]).norm())


def batch(arrays: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(clean, noisy, t, z)."""
    return arrays["X"], arrays["Y"], diffusion_time(arrays["u"], 0.03), arrays["Z"]


@reproduces("loss/storm_losses.json", tolerance=1e-4, uses=("loss/storm_losses.npz",))
def storm(golden: Golden) -> Iterator[Comparison]:
    given = batch(golden.beside("loss/storm_losses.npz").arrays())
    for key, facts in golden.json().items():
        method = {"dsm": "sgmse_m", "supervised": "ncsnpp_m", "storm": "storm"}[key.partition("_")[0]]
        condition = next((name for name in ("both", "post_denoiser") if name in key), "noisy")
        kind = "mae" if key.endswith("mae") else "mse"
        objective = Objective(kind, kind, freeze_denoiser=key.endswith("freeze"))
        model = storm_model(golden, method, condition)
        values = losses(model, objective, *given)
        values.total.backward()
        yield from values_and_gradients(key, model, values, facts)
        if "grad_norm_denoiser_from_score_loss_only" in facts:
            model.networks["denoiser"].zero_grad()
            losses(model, replace(objective, supervised_loss="none"), *given).total.backward()
            yield key, gradient(model.networks["denoiser"]), facts["grad_norm_denoiser_from_score_loss_only"]


def values_and_gradients(key: str, model: TrainedModel, values: Any, facts: dict[str, Any]) -> Iterator[Comparison]:
    """Those of the facts that are named for a loss or a gradient."""
    networks = model.networks
    yield key, values.total.item(), facts["loss"]
    if "loss_score" in facts:
        yield key, values.parts["score"].item(), facts["loss_score"]
        yield key, values.parts["supervised"].item(), facts["loss_denoiser"]
    for name, module in networks.items():
        norm = facts.get(f"grad_norm_{name}", facts.get("grad_norm"))
        if norm is not None and any(p.grad is not None for p in module.parameters()):
            yield key, gradient(module), norm
    if "grad_output_layer_weight" in facts:
        yield key, networks["score"].output.weight.grad.flatten(), torch.tensor(facts["grad_output_layer_weight"])
    if "denoiser_params_with_grad" in facts:
        yield (
            key,
            sum(p.grad is not None for p in networks["denoiser"].parameters()),
            facts["denoiser_params_with_grad"],
        )
    if "params_without_grad" in facts:  # a predictive network's unused time layers, the first of which are named
        without = [name for name, p in networks["denoiser"].named_parameters() if p.grad is None]
        yield key, all(name.startswith("fourier") or ".time." in name for name in without), True
        yield key, facts["params_without_grad"][0], "all_modules.0.W"


@reproduces("loss/storm_losses.npz", tolerance=1e-5)
def intermediate_states(golden: Golden) -> Iterator[Comparison]:
    clean, noisy, t, z = batch(golden.arrays())
    model, single = storm_model(golden, "storm"), storm_model(golden, "sgmse_m")
    with torch.no_grad():
        estimate = model.networks["denoiser"](noisy)
        mean, std = model.sde.marginal_prob(clean, t, estimate)
        yield from golden.compare(t=t, Y_denoised=estimate, storm_std=std)
        yield from golden.compare(storm_perturbed=mean + std[:, None, None, None] * z)
        state = single.sde.mean(clean, t, noisy) + std[:, None, None, None] * z
        yield from golden.compare(dsm_perturbed=state)
        score = ScoreModel(single, noisy, conditioning("noisy", noisy, noisy)).score(state, t)
        yield from golden.compare(dsm_score=score)


@reproduces("loss/refine_losses.json", tolerance=1e-4, uses=("loss/refine_inputs.npz",))
def refinement(golden: Golden) -> Iterator[Comparison]:
    given = batch(golden.beside("loss/refine_inputs.npz").arrays())
    for key, facts in golden.json().items():
        condition = next(name for name in ("both", "post_denoiser", "noisy") if name in key)
        model = storm_model(golden, "refinement", condition, residue_in_stft=key.endswith("True"))
        values = losses(model, Objective(), *given)
        values.total.backward()
        yield from values_and_gradients(key, model, values, facts)


@reproduces("loss/refine_inputs.npz", tolerance=1e-5)
def residues(golden: Golden) -> Iterator[Comparison]:
    from methods.refinement import residue, residue_scale

    arrays = golden.arrays()
    model = storm_model(golden, "refinement")
    with torch.no_grad():
        estimate = model.networks["denoiser"](arrays["Y"])
    left = residue(model, arrays["Y"], estimate)
    scale = residue_scale(left)
    yield from golden.compare(Y_denoised=estimate, step_norm_factor=scale, sde_input=left / scale)
    yield from golden.compare(sde_target=residue(model, arrays["X"], estimate) / scale)


V2_SCORE = ScorePrediction(c_out="1")
SGMSE: dict[str, tuple[dict[str, Any], Objective]] = {
    "ncsnpp_score_matching": ({}, Objective()),
    "v2_score_matching": ({"parametrization": V2_SCORE}, Objective()),
    "v2_score_matching_1/sigma_cinedm": (
        {"parametrization": replace(V2_SCORE, c_in="edm", network_scaling="1/sigma")},
        Objective(),
    ),
    "v2_denoiser_weight_1": ({"parametrization": PARAMETRIZATIONS.create("mean")}, Objective(score_weighting="1")),
    "v2_denoiser_weight_sigma^2": ({"parametrization": PARAMETRIZATIONS.create("mean")}, Objective()),
    "v2_sbve_data_prediction_l1_0.001": (
        {"parametrization": PARAMETRIZATIONS.create("clean"), "sde": SBVE()},
        Objective(score_weighting="1/FT", l1_weight=0.001),
    ),
}


@reproduces("loss/sgmse_losses.json", tolerance=1e-5, uses=("loss/sgmse_batch_f16.npz", "loss/sgmse_inputs.npz"))
def sgmse(golden: Golden) -> Iterator[Comparison]:
    arrays = golden.beside("loss/sgmse_batch_f16.npz").arrays()
    clean, noisy, z = (torch.view_as_complex(arrays[key].float()) for key in "XYZ")
    inputs = golden.beside("loss/sgmse_inputs.npz")
    t = diffusion_time(inputs.arrays()["u"], 0.03)
    yield from inputs.compare(t=t, X_sub8=clean[:, :, ::8, ::8])
    expected = golden.json()["losses"]

    def value(settings: dict[str, Any], objective: Objective, v2: bool, items: slice = slice(None)) -> float:
        size = {**NETWORKS["m_score4_nf8"][1], "scale_by_time": not v2}
        score = network(golden, "m_score4_nf8")
        score.scale_by_time = not v2
        model = TrainedModel(
            "sgmse_m", {"score": size}, {"score": score}, spectrogram=Spectrogram(factor=0.15), **settings
        )
        with torch.no_grad():
            return losses(model, objective, clean[items], noisy[items], t[items], z[items]).total.item()

    for key, (settings, objective) in SGMSE.items():
        yield key, value(settings, objective, v2=key.startswith("v2")), expected[key]
    # The release weights every item with all items' weights: the mean weight times the sum of the losses.
    one_by_one = [
        [
            value(
                {"parametrization": PARAMETRIZATIONS.create("mean")},
                Objective(score_weighting=w),
                True,
                slice(i, i + 1),
            )
            for w in ("1", "edm")
        ]
        for i in range(len(t))
    ]
    weights = [weighted / plain for plain, weighted in one_by_one]
    edm = sum(weights) / len(weights) * sum(plain for plain, _ in one_by_one)
    yield "v2_denoiser_weight_edm", edm, expected["v2_denoiser_weight_edm"]


@reproduces("loss/ema_update.npz", tolerance=1e-6)
def moving_average(golden: Golden) -> Iterator[Comparison]:
    a = golden.arrays()
    ema = EMA(0.999)
    ema.shadow = {"w": a["params"][0].clone()}
    shadows, decays = [a["params"][0]], []
    for n, values in enumerate(a["params"][1:], start=1):
        decays.append(ema_decay(n))
        ema.update({"w": values})
        shadows.append(ema.shadow["w"].clone())
    yield from golden.compare(shadow=torch.stack(shadows), effective_decay=torch.tensor(decays, dtype=torch.float64))
