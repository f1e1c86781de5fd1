"""``bench data compare A B``: whether two datasets are the same recordings, how they differ, what PESQ says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.conf.values import read
from bench.core import audio
from bench.core.errors import UserError
from bench.core.lag import lag
from bench.core.names import examples
from bench.core.notes import show
from bench.core.types import Utterance
from bench.datasets.base import DATASETS, Dataset
from bench.datasets.identity import Identity
from bench.run.entries import Spec, dataset_spec
from metrics.base import create
from metrics.clip import Recording

MOST = 50
"""Recordings whose samples are compared, evenly spread over those that differ."""


@dataclass(frozen=True)
class Difference:
    """How a recording of B differs from A's.

    Attributes:
        gain: level of B re A in dB; lag: delay of B in samples of A's rate.
        residual: energy of what remains different, at equal level and time, in dB re A.
        band: frequency in Hz above which it remains different by more than 20 dB re A's spectrum there, or A's Nyquist.
        pesq: of the noisy recording in A and in B; None where PESQ is not defined for it.
    """

    gain: float
    lag: int
    residual: float
    band: float
    pesq: tuple[float, float] | None


def compared(arguments: Sequence[str]) -> str:
    """What is the same in two datasets, named as ``datasets`` of ``bench run`` are, and what is not.

    Raises:
        UserError: not two are named, or one is not there.
    """
    if len(arguments) != 2:
        raise UserError("usage: bench data compare A B")
    one, other = map(_dataset, arguments)
    show([*one.notes(), *other.notes()])  # a prepared one's identity is as it was stored, whatever is missing since
    a, b = one.identity(), other.identity()
    lines = [f"A: {_told(one, a)}", f"B: {_told(other, b)}"]
    if (a.ids, a.content) == (b.ids, b.content):
        return "\n".join([*lines, "the same recordings, sample for sample"])
    common = [name for name in a.clips if name in b.clips]
    lines += _only("A", a, b) + _only("B", b, a)
    different = [name for name in common if a.clips[name] != b.clips[name]]
    lines.append(f"{len(common) - len(different)} of {len(common)} common recordings are equal, sample for sample")
    if different:
        lines += _differences(one, other, different)
    return "\n".join(lines)


def _dataset(argument: str) -> Dataset:
    spec = dataset_spec(Spec.of("data compare", read(argument)))
    return DATASETS.create(spec.name, **spec.options)


def _told(data: Dataset, identity: Identity) -> str:
    rates = ", ".join(f"{rate} Hz" for rate in identity.rates)
    by = f", resampled by {identity.resampler}" if identity.resampler else ""
    return f"{data.name}: {identity.recordings} recordings, {rates}{by}, content {identity.content[:16]}"


def _only(name: str, here: Identity, there: Identity) -> list[str]:
    alone = sorted(here.clips.keys() - there.clips.keys())
    return [f"only in {name}: {len(alone)} recordings ({examples(alone)})"] if alone else []


def _differences(one: Dataset, other: Dataset, different: Sequence[str]) -> list[str]:
    chosen = [different[int(n)] for n in np.linspace(0, len(different) - 1, min(MOST, len(different))).round()]
    found = {name: difference(one.load(name), other.load(name)) for name in chosen}
    values = list(found.values())
    lines = [
        f"of the {len(different)} others, {len(chosen)} compared:",
        f"    level of B re A: {_range([one.gain for one in values], '.2f')} dB",
        f"    delay of B: {_range([one.lag for one in values], '.0f')} samples",
        f"    what remains different: {_range([one.residual for one in values], '.1f')} dB re A",
        f"    mostly above: {_range([one.band for one in values], '.0f')} Hz",
    ]
    scores = [one.pesq for one in values if one.pesq is not None]
    if scores:
        a, b = np.array(scores).T
        change = b - a
        lines.append(
            f"    PESQ of the noisy recordings: {a.mean():.3f} in A, {b.mean():.3f} in B; change {change.mean():+.4f}, "
            f"at most {change[np.abs(change).argmax()]:+.4f} ({len(scores)} recordings)"
        )
    return [*lines, *_verdict(values)]


def _range(values: Sequence[float], form: str) -> str:
    """The median and the range of values."""
    ends = [f"{value:{form}}" for value in (np.median(values), min(values), max(values))]
    return ends[0] if len(set(ends)) == 1 else f"{ends[0]} ({ends[1]} to {ends[2]})"


def _verdict(values: Sequence[Difference]) -> list[str]:
    residual = np.array([one.residual for one in values])
    if (residual > -15).mean() > 0.5:
        return ["these are other recordings under the same names"]
    moved = any(one.lag for one in values) or max(abs(one.gain) for one in values) > 0.05
    return [
        "the same recordings"
        + (", moved in time or level" if moved else "")
        + (": copies by another resampler or coder" if residual.max() > -80 else ", but for rounding")
    ]


def difference(one: Utterance, other: Utterance) -> Difference:
    """How ``other``, the same recording in another copy, differs from ``one``."""
    a, b = one.noisy, audio.resample(other.noisy, other.sample_rate, one.sample_rate)
    common = min(a.size, b.size)
    later = int(lag(b[:common], a[:common], common).samples)
    a, b = (a[max(0, -later) :], b[max(0, later) :])
    samples = min(a.size, b.size)
    left, right = a[:samples].astype(np.float64), b[:samples].astype(np.float64)
    energy = max(float(left @ left), 1e-20)
    gain = float(left @ right) / energy or 1e-10
    rest = right / gain - left
    band = _band(left, rest, one.sample_rate)
    decibels = 10 * np.log10(max(float(rest @ rest), 1e-20) / energy)
    pesq = None if (first := _pesq(one)) is None or (second := _pesq(other)) is None else (first, second)
    return Difference(20 * np.log10(abs(gain)), later, float(decibels), band, pesq)


Signal = NDArray[np.float64]


def _band(signal: Signal, rest: Signal, rate: int) -> float:
    """The lowest frequency from which on the difference is within 20 dB of the signal."""
    bins = 512
    frames = max(1, signal.size // bins)

    def spectrum(x: Signal) -> Signal:
        cut = np.resize(x, frames * bins).reshape(frames, bins) * np.hanning(bins)
        return np.asarray((np.abs(np.fft.rfft(cut)) ** 2).sum(axis=0))

    near = spectrum(rest) > 0.01 * spectrum(signal)
    far = np.flatnonzero(~near)
    first = 0 if far.size == 0 else int(far[-1]) + 1
    return min(first, bins // 2) * rate / bins


def _pesq(utterance: Utterance) -> float | None:
    if utterance.clean is None:
        return None
    score = create("pesq").score(utterance.noisy, Recording(utterance))
    return score.value
