"""Reverse-time samplers: from noise and where the process starts to an estimate of the clean speech."""

from methods.diffusion.samplers.base import Estimate, Sampler
from methods.diffusion.samplers.bridge import BridgeODE, BridgeSDE
from methods.diffusion.samplers.choice import SAMPLERS, choose
from methods.diffusion.samplers.ode import ProbabilityFlow
from methods.diffusion.samplers.predictor_corrector import PredictorCorrector

__all__ = [
    "SAMPLERS",
    "BridgeODE",
    "BridgeSDE",
    "Estimate",
    "PredictorCorrector",
    "ProbabilityFlow",
    "Sampler",
    "choose",
]
