"""The reference's models of small networks."""

from __future__ import annotations

from typing import Any

from methods.diffusion.parametrization import PARAMETRIZATIONS, ScorePrediction
from methods.diffusion.paths import SBVE
from methods.spectrogram import Spectrogram
from methods.weights import TrainedModel
from tests.reference.checks.networks import NETWORKS, network
from tests.reference.golden import Golden


def storm_model(golden: Golden, method: str, condition: str = "both", **own: Any) -> TrainedModel:
    """Of the StoRM release: its networks of width 16."""
    score = "storm_m_score6_nf16" if condition == "both" else "storm_m_score4_nf16"
    tags = {
        "ncsnpp_m": {"denoiser": "storm_m_disc_nf16"},
        "sgmse_m": {"score": "storm_m_score4_nf16"},
    }.get(method, {"denoiser": "storm_m_disc_nf16", "score": score})
    return TrainedModel(
        method,
        {role: NETWORKS[tag][1] for role, tag in tags.items()},
        {role: network(golden, tag) for role, tag in tags.items()},
        settings={"condition": condition, **own} if method in ("storm", "refinement") else {},
    )


def sgmse_model(golden: Golden, kind: str) -> TrainedModel:
    """Of the SGMSE release: ``ncsnpp``; ``v2`` trained on the score; or ``bridge``, which predicts clean speech."""
    tag = "sgmse_ncsnpp_nf8" if kind == "ncsnpp" else "sgmse_ncsnpp_v2_nf8"
    settings: dict[str, Any] = {
        "ncsnpp": {},
        "v2": {"parametrization": ScorePrediction(c_in="edm", c_out="1", network_scaling="1/sigma")},
        "bridge": {"parametrization": PARAMETRIZATIONS.create("clean"), "sde": SBVE()},
    }[kind]
    return TrainedModel(
        "sgmse_m",
        {"score": NETWORKS[tag][1]},
        {"score": network(golden, tag)},
        spectrogram=Spectrogram(factor=0.15, padding="zeros" if kind == "ncsnpp" else "reflect"),
        **settings,
    )
