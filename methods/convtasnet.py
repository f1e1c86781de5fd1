"""Conv-TasNet, a predictive method on waveforms."""

from __future__ import annotations

from methods.predictive import WithBackbone


class ConvTasNetMethod(WithBackbone):
    """Luo & Mesgarani 2019, "Conv-TasNet: Surpassing Ideal Time-Frequency Magnitude Masking", one of the predictors of
    the StoRM paper's Table V; the network is ``methods.backbones.convtasnet``.

    Follows the StoRM release: it is trained with the SI-SDR (the paper's loss, for one speaker), whose optimum has any
    level, and gets the waveform of the compressed, padded spectrogram. There the output lies 16 samples late and is not
    cut: checkpoints of the release are read so, and ``method.size={aligned: false}`` trains so. By default its output
    here is cut to its input.
    """

    name = "convtasnet"
    backbone = "convtasnet"
