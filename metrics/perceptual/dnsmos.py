"""DNSMOS: a non-intrusive prediction, by a network, of the mean opinion scores of a listening test, 1 to 5.

ITU-T P.835 speech (sig), background (bak) and overall (ovrl) quality, and P.808 overall quality
(Reddy et al., ICASSP 2021 and 2022), from the models in the package ``speechmos``. Recordings shorter
than its 9.01 s window are repeated to fill it; longer ones are averaged over windows 1 s apart. Samples
beyond full scale are clipped to it, as a converter would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench.core.types import Audio
from metrics.base import Aspect, Clip, Metric, Undefined
from metrics.models import sha256
from metrics.perceptual.dnsmos_windows import Windows

P835, P808 = "sig_bak_ovr.onnx", "model_v8.onnx"

WINDOW = 9.01
"""Seconds."""


@cache
def _package() -> Any:
    """The package's own computations around its networks, without the sessions of its own, which use every core."""
    from speechmos import dnsmos

    return dnsmos.DNSMOS.__new__(dnsmos.DNSMOS)


@cache
def _p835() -> Windows:
    """Loaded once per process."""
    return Windows(_models() / P835, _options())


@cache
def _p808() -> Any:
    """Loaded once per process."""
    import onnxruntime

    return onnxruntime.InferenceSession(str(_models() / P808), _options(), providers=["CPUExecutionProvider"])


def _options() -> Any:
    """One thread: recordings are scored in parallel by processes."""
    import onnxruntime  # type: ignore[import-untyped,unused-ignore]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return options


def _models() -> Path:
    """The folder of the package's models; finding it imports nothing heavy."""
    spec = find_spec("speechmos")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).with_name("dnsmos_models")


def windows(clip: Clip) -> Iterator[Audio]:
    """What the networks hear, ``WINDOW`` seconds at a time.

    Raises:
        Undefined: the enhanced speech is constant.
    """
    if np.ptp(clip.enhanced) == 0:
        raise Undefined("the enhanced speech is constant: there is nothing to hear")
    speech, rate = np.clip(clip.enhanced, -1, 1).astype(np.float32), clip.sample_rate
    samples = int(WINDOW * rate)
    while len(speech) < samples:
        speech = np.append(speech, speech)
    for second in range(int(len(speech) // rate - WINDOW) + 1):
        window = speech[second * rate : int((second + WINDOW) * rate)]
        if len(window) == samples:  # a product that falls below its integer leaves a sample out, and so its window
            yield window


def opinions(clip: Clip) -> Mapping[str, float]:
    """The scores of P.835, by the package's names; raises as ``windows``."""
    rated = [
        _package().get_polyfit_val(*_p835().run(None, {"input_1": window[np.newaxis]})[0][0], False)
        for window in windows(clip)
    ]
    names = ("sig_mos", "bak_mos", "ovrl_mos")
    return {name: float(np.mean(values)) for name, values in zip(names, zip(*rated, strict=True), strict=True)}


def overall(clip: Clip) -> float:
    """The score of P.808; raises as ``windows``."""
    bands = (_package().audio_melspec(audio=window[:-160]) for window in windows(clip))
    return float(
        np.mean([_p808().run(None, {"input_1": np.asarray(band, np.float32)[np.newaxis]})[0][0][0] for band in bands])
    )


class Dnsmos(Metric):
    """Overall quality (OVRL, ITU-T P.835), MOS 1 to 5."""

    label = "DNSMOS"
    unit = "MOS"
    aspect: ClassVar[Aspect] = "quality"
    low, high = 1.0, 5.0
    needs_clean = False
    sample_rate = 16000
    min_seconds = 0.25
    full_scale = True
    package = "speechmos"
    key: ClassVar[str] = "ovrl_mos"
    model: ClassVar[str] = P835

    def compute(self, clip: Clip) -> float:
        return clip.once(opinions)[self.key]

    def settings(self) -> Mapping[str, str]:
        return {"output": self.key, "clipping": "to full scale", "model": sha256(_models() / self.model)}


class DnsmosSig(Dnsmos):
    """Quality of the speech signal (SIG, ITU-T P.835), MOS 1 to 5."""

    label = "DNSMOS-SIG"
    aspect = "dimension"
    key = "sig_mos"


class DnsmosBak(Dnsmos):
    """Quality of the background (BAK, ITU-T P.835), MOS 1 to 5; 5: no disturbing background."""

    label = "DNSMOS-BAK"
    aspect = "dimension"
    key = "bak_mos"


class DnsmosP808(Dnsmos):
    """Overall quality (ITU-T P.808), MOS 1 to 5, by the model of 2021."""

    label = "DNSMOS-P808"
    key = "p808_mos"
    model = P808

    def compute(self, clip: Clip) -> float:
        return clip.once(overall)
