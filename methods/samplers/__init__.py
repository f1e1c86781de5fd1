"""Reverse-time samplers: from noise and where the process starts to an estimate of the clean speech."""

from methods.samplers.base import Estimate, Sampler
from methods.samplers.bridge import BridgeODE, BridgeSDE
from methods.samplers.choice import SAMPLERS, choose
from methods.samplers.ode import ProbabilityFlow
from methods.samplers.predictor_corrector import PredictorCorrector

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
