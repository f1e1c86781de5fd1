"""Reverse-time samplers: from noise and where the process starts to an estimate of the clean speech."""

from methods.samplers.predictor_corrector import PredictorCorrector, Score

__all__ = ["PredictorCorrector", "Score"]
