"""Perceptual evaluation of speech quality: MOS-LQO, 1.0 to 4.64, by ITU-T P.862.2 (wide) or P.862.1 (narrow band).

The value is that of the package ``pesq``, the ITU's own code. That code holds at most 50 utterances,
separated by pauses of 0.2 s or more; with a few more it reads values that it has overwritten, and with
many more it crashes. Recordings that hold more are therefore ``undefined``, and the code runs in a separate process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from bench.core.types import Audio
from metrics.base import Clip, Metric, Undefined
from metrics.isolated import Isolated

Mode = Literal["wb", "nb"]
"""Wide or narrow band."""

MOST_UTTERANCES = 50
SECONDS = 120.0
"""Limit of computing time: PESQ takes about a hundredth of a recording's length; a call that takes longer hangs."""


class Pesq(Metric):
    """Wide band (50-7000 Hz), as speech enhancement papers report it. P.862.2 defines it at 16 kHz only."""

    label = "PESQ"
    unit = "MOS"
    aspect = "quality"
    low, high = 1.0, 4.644
    sample_rate = 16000
    needs_band = 7000.0
    min_seconds = 0.25
    package = "pesq"
    mode: ClassVar[Mode] = "wb"
    band: ClassVar[str] = "50-7000 Hz"

    def compute(self, clip: Clip) -> float:
        return clip.once(wide_band)

    def settings(self) -> Mapping[str, str]:
        return {"mode": self.mode, "band": self.band}


class PesqNarrowBand(Pesq):
    """Narrow band (300-3400 Hz, telephone handset): of recordings at 8 kHz as they are, of others at 16 kHz."""

    label = "PESQ-NB"
    native_rates = (8000,)
    needs_band = 3400.0
    high = 4.549
    mode = "nb"
    band = "300-3400 Hz"

    def compute(self, clip: Clip) -> float:
        return clip.once(narrow_band)


def wide_band(clip: Clip) -> float:
    """MOS-LQO by P.862.2; raises as ``pesq_score``."""
    return pesq_score(clip.reference, clip.enhanced, clip.sample_rate, "wb")


def narrow_band(clip: Clip) -> float:
    """MOS-LQO by P.862.1; raises as ``pesq_score``."""
    return pesq_score(clip.reference, clip.enhanced, clip.sample_rate, "nb")


def pesq_score(
    clean: Audio, enhanced: Audio, sample_rate: int, mode: Mode, isolated: Callable[..., float] | None = None
) -> float:
    """MOS-LQO of ``enhanced``; both float32 ``[samples]`` at 8 or 16 kHz.

    Args:
        isolated: what computes it, in a process of its own; by default ``call``.

    Raises:
        Undefined: less than 0.25 s, no utterance, or more utterances than the code holds.
        UserError: the code crashed or does not end.
    """
    if (count := utterances(clean, sample_rate)) > MOST_UTTERANCES:
        raise Undefined(f"{count} utterances, PESQ's code holds {MOST_UTTERANCES}: score parts of the recording")
    return float((isolated or _isolated)(clean, enhanced, sample_rate, mode))


def call(clean: Audio, enhanced: Audio, sample_rate: int, mode: Mode) -> float:
    """The package's answer, computed in this process; raises ``Undefined`` where it finds no utterance."""
    from pesq import BufferTooShortError, NoUtterancesError, pesq

    try:
        return float(pesq(sample_rate, clean, enhanced, mode))
    except BufferTooShortError as error:
        raise Undefined("shorter than 0.25 s") from error
    except NoUtterancesError as error:
        raise Undefined("no utterance detected in the clean reference") from error


_isolated = Isolated(call, "PESQ's code", SECONDS)


def utterances(clean: Audio, sample_rate: int) -> int:
    """How many utterances PESQ's voice activity detection finds in ``clean``, but for its band-pass before that.

    Frames of 4 ms above a threshold that settles above the background (mean plus two standard deviations
    of what is below it, twelve rounds); bursts of 4 frames or fewer are dropped, pauses of 50 or fewer are
    bridged, and what then lasts 50 frames is an utterance.
    """
    frame = sample_rate // 250
    power = np.square(clean[: clean.size // frame * frame].astype(np.float64)).reshape(-1, frame).mean(axis=1)
    if not power.size or not power.any():
        return 0
    power = np.maximum(power, 1e-4 * power.max())
    threshold = power.mean()
    for _ in range(12):
        background = power[power <= threshold]
        threshold = 1.001 * (background.mean() + 2 * background.std()) if background.size else 0.0
    starts, ends = runs(power > threshold)
    lasting = ends - starts > 4
    starts, ends = starts[lasting], ends[lasting]
    apart = starts[1:] - ends[:-1] > 50
    starts, ends = np.r_[starts[:1], starts[1:][apart]], np.r_[ends[:-1][apart], ends[-1:]]
    return int(np.count_nonzero(ends - starts >= 50))


def runs(active: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First frame of each run of true frames, and the first one after it."""
    edges = np.flatnonzero(np.diff(np.r_[False, active, False]))
    return edges[::2], edges[1::2]
