"""Every method of the family keeps the contract, as ``bench check`` finds."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from methods import create
from methods.conformance import examine, generated
from methods.diffusion.parametrization import VelocityPrediction
from methods.diffusion.paths.brownian_bridge import BBED
from methods.diffusion.paths.flow_matching import StraightFlow
from methods.spectrogram import Spectrogram
from methods.weights import TrainedModel, new_model

SMALL = {"width": 4, "multipliers": [1, 2]}
DCUNET = {"backbone": "dcunet", "width": 2, "embedding": 8}
AT_512 = Spectrogram(n_fft=512, padding="reflect")
GAGNET = {"channels": 2, "hidden": 2, "groups": 1, "stages": 1, "dilations": [1]}
EDM2 = {"width": 4, "multipliers": [1, 2], "blocks": 1, "attention_heights": [], "logvar_width": 2}
NETWORKS: dict[str, tuple[str, Any, Any, dict[str, Any]]] = {
    "bbed": ("sgmse_m", SMALL, None, {"sde": BBED(), "sampler": {"start": 0.5, "stepping": "grid"}}),
    "flow": ("sgmse_m", SMALL, None, {"sde": StraightFlow(), "parametrization": VelocityPrediction()}),
    "dcunet": ("sgmse_m", DCUNET, None, {"spectrogram": AT_512}),
    "crp": ("crp", SMALL, None, {"sde": BBED()}),
    "convtasnet": (
        "convtasnet",
        None,
        {"size": {"filters": 8, "channels": 4, "hidden": 8, "layers": 2, "stacks": 1}},
        {},
    ),
    "gagnet": ("gagnet", None, {"size": GAGNET}, {}),
    "udiffse": ("udiffse", SMALL, None, {}),
    "udiffse_by_diffpir": ("udiffse", SMALL, None, {}),
    "vae_nmf": ("vae_nmf", None, {"bins": 256, "latent": 2, "hidden": 4}, {}),
    "sips": ("sips", None, {"size": EDM2}, {"spectrogram": AT_512}),
    "storm_after_another": ("storm", SMALL, None, {}),
    "refinement_after_another": ("refinement", SMALL, None, {}),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "udiffse": {"iterations": 1, "samples": 1},
    "udiffse_by_diffpir": {"iterations": 2, "samples": 1, "sampler": "diffpir", "posterior": "wiener", "quantile": 0.1},
    "vae_nmf": {"iterations": 2, "rank": 2},
    "sips": {"predictor": "logmmse", "kappa": 0.1},
    "storm_after_another": {"predictor": "logmmse"},
    "refinement_after_another": {"predictor": "logmmse"},
}


def model(name: str) -> TrainedModel:
    """Random weights, none of them 0."""
    torch.manual_seed(0)
    method, network, own, shared = NETWORKS[name]
    made = new_model(method, network, own, **shared)
    with torch.no_grad():
        for built in made.networks.values():
            for parameter in built.parameters():
                parameter.add_(0.02 * torch.randn_like(parameter))
    return made


SLOW = {"udiffse", "udiffse_by_diffpir", "refinement_after_another"}
"""``udiffse`` is tried in test_udiffse.py too; the others have all but one part in common with another."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in NETWORKS]
)
def test_it_keeps_the_contract(name: str) -> None:
    made = model(name)
    method = create(made.method, checkpoint=made, device="cpu", **OPTIONS.get(name, {}))
    broken = [
        f"{verdict.rule}: {verdict.observed}" for verdict in examine(method, generated(method)) if not verdict.kept
    ]
    assert not broken and method.batches
