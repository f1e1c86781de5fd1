"""Reverse-time samplers: from the prior to an estimate of the clean speech."""

from methods.diffusion.samplers.base import SAMPLERS, Estimate, Sampler
from methods.diffusion.samplers.bridge import BridgeODE, BridgeSDE
from methods.diffusion.samplers.choice import choose, sampler_options
from methods.diffusion.samplers.correctors import CORRECTORS
from methods.diffusion.samplers.ode import ProbabilityFlow
from methods.diffusion.samplers.predictor_corrector import PredictorCorrector
from methods.diffusion.samplers.predictors import PREDICTORS

__all__ = [
    "CORRECTORS",
    "PREDICTORS",
    "SAMPLERS",
    "BridgeODE",
    "BridgeSDE",
    "Estimate",
    "PredictorCorrector",
    "ProbabilityFlow",
    "Sampler",
    "choose",
    "sampler_options",
]
