"""GaGNet, a predictive method on complex spectrograms."""

from __future__ import annotations

from methods.predictive import WithBackbone


class GaGNetMethod(WithBackbone):
    """Li, Zheng, Zhang, Li 2022, "Glance and Gaze: A Collaborative Learning Framework for Single-Channel Speech
    Enhancement", one of the predictors of the StoRM paper's Table V; the network is ``methods.backbones.gagnet``.

    Follows the StoRM release where that differs from the paper: it is trained with the squared error of the compressed
    spectrogram of the last stage alone, which is a bounded complex mask of the noisy speech.
    """

    name = "gagnet"
    backbone = "gagnet"
