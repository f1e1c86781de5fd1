"""Log-likelihood ratio of the all-pole spectra of two signals, mean over frames, no unit; 0 for equal spectra.

Quackenbush et al., "Objective Measures of Speech Quality", 1988, with linear prediction of order 16 (10 below
10 kHz), as in Hu and Loizou, "Evaluation of Objective Quality Measures for Speech Enhancement", 2008.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from metrics.base import Clip, Metric
from metrics.intrusive.frames import SILENCE, Frames, framed_pair, trimmed_mean


class LogLikelihoodRatio(Metric):
    """Mean of the lowest 95 % of the frames; depends on the shape of the spectrum, not on its level."""

    label = "LLR"
    higher_is_better = False
    low = 0.0
    sample_rate = 16000

    native_rates = (8000,)
    revision = 2

    def compute(self, clip: Clip) -> float:
        return trimmed_mean(llr(*framed_pair(clip), order(clip.sample_rate)))

    def settings(self) -> Mapping[str, str]:
        return {"order": "16, at 8000 Hz 10", "mean": "lowest 95 %", "silence": SILENCE}


def order(sample_rate: int) -> int:
    """Of linear prediction at a rate in Hz, as in the published code."""
    return 10 if sample_rate < 10000 else 16


def llr(clean: Frames, enhanced: Frames, order: int) -> NDArray[np.float64]:
    """``log(a_e R_c a_e / a_c R_c a_c)`` of every frame, ``[frames]``, with the predictors ``a`` of both signals
    and the autocorrelation matrix ``R_c`` of the clean one.
    """
    correlations = _autocorrelation(clean, order)
    predictor = _predictor(correlations)
    found = _error(_predictor(_autocorrelation(enhanced, order)), correlations)
    return np.asarray(np.log(np.maximum(found / _error(predictor, correlations), 1.0)))


def _autocorrelation(frames: Frames, order: int) -> NDArray[np.float64]:
    """Lags 0 to ``order``, ``[frames, order + 1]``; a silent frame is taken for faint white noise."""
    size = frames.shape[1]
    lags = np.stack([np.einsum("ft,ft->f", frames[:, : size - lag], frames[:, lag:]) for lag in range(order + 1)], 1)
    lags[lags[:, 0] < 1e-30] = np.eye(order + 1)[0]
    return lags


def _matrix(lags: NDArray[np.float64]) -> NDArray[np.float64]:
    index = np.arange(lags.shape[1])
    return lags[:, np.abs(index[:, None] - index)]


def _predictor(lags: NDArray[np.float64]) -> NDArray[np.float64]:
    """``[1, -a_1, ..., -a_order]`` of each frame, by the normal equations; rounding-sized ridge for pure tones."""
    ridge = 1e-14 * lags[:, :1, None] * np.eye(lags.shape[1] - 1)
    ahead = np.linalg.solve(_matrix(lags[:, :-1]) + ridge, lags[:, 1:, None])[..., 0]
    return np.concatenate([np.ones((len(lags), 1)), -ahead], axis=1)


def _error(predictor: NDArray[np.float64], lags: NDArray[np.float64]) -> NDArray[np.float64]:
    """Energy that ``predictor`` leaves of a signal with these autocorrelations."""
    energy = np.einsum("fi,fij,fj->f", predictor, _matrix(lags), predictor)
    return np.asarray(np.maximum(energy, 1e-14 * lags[:, 0]))
