"""DNSMOS: a non-intrusive prediction, by a network, of the mean opinion scores of a listening test, 1 to 5.

ITU-T P.835 speech (sig), background (bak) and overall (ovrl) quality, and P.808 overall quality
(Reddy et al., ICASSP 2021 and 2022), from the models in the package ``speechmos``. Recordings shorter
than its 9.01 s window are repeated to fill it; longer ones are averaged over windows 1 s apart. Samples
beyond full scale are clipped to it, as a converter would.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from metrics.base import Aspect, Clip, Metric, Undefined
from metrics.models import sha256
from metrics.perceptual.dnsmos_windows import Windows

P835, P808 = "sig_bak_ovr.onnx", "model_v8.onnx"


@cache
def _network() -> Any:
    """The two models, loaded once per process, one thread each: recordings are scored in parallel by processes."""
    import onnxruntime  # type: ignore[import-untyped,unused-ignore]
    from speechmos import dnsmos

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1

    class SingleThreaded(dnsmos.DNSMOS):  # type: ignore[misc]
        def __init__(self, folder: Path) -> None:
            self.onnx_sess = Windows(folder / P835, options)
            self.p808_onnx_sess = onnxruntime.InferenceSession(
                str(folder / P808), sess_options=options, providers=["CPUExecutionProvider"]
            )

    return SingleThreaded(_models())


def _models() -> Path:
    """The folder of the package's models; finding it imports nothing heavy."""
    spec = find_spec("speechmos")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).with_name("dnsmos_models")


def opinions(clip: Clip) -> Mapping[str, float]:
    """All four scores, by the package's names.

    Raises:
        Undefined: the enhanced speech is constant.
    """
    if np.ptp(clip.enhanced) == 0:
        raise Undefined("the enhanced speech is constant: there is nothing to hear")
    audio = np.clip(clip.enhanced, -1, 1).astype(np.float32)
    return {name: float(score) for name, score in _network()(audio, clip.sample_rate, False).items() if "mos" in name}


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
