"""The findings of a recording, and of enhanced speech that was made from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

from bench.core.findings import kind
from bench.core.types import Audio, Utterance
from metrics.checks import alignment, band, levels
from metrics.checks.alignment import Reference
from metrics.checks.signal import Signal

Found = dict[str, float]


class Check:
    """Checks a recording, and what methods make of it. What depends on the recording alone is computed once."""

    def __init__(self, utterance: Utterance) -> None:
        self._noisy = Signal(utterance.noisy, utterance.sample_rate)
        self._clean = None if utterance.clean is None else Signal(utterance.clean, utterance.sample_rate)

    @cached_property
    def of_recording(self) -> Mapping[str, float]:
        """What is amiss with the recording itself, whatever is made of it; names have the prefix of their signal.

        What the clean speech has already is not said again of the noisy.
        """
        clean = {} if self._clean is None else _alone(self._clean)
        noisy = _alone(self._noisy)
        if self._clean is not None:
            noisy |= self._beside(self._noisy)
        return _named("clean_", clean) | _named("noisy_", _new(noisy, clean))

    def of_enhanced(self, enhanced: Audio) -> Found:
        """What is amiss with enhanced speech that the recording does not have already."""
        signal = Signal(enhanced, self._noisy.sample_rate)
        found = _alone(signal) | self._beside(signal)
        if self._clean is None:
            found.pop("level", None)  # relative to speech in noise: enhancement lowers it
        for known in self._known:
            found = _new(found, known)
        return _named("", found)

    def _beside(self, signal: Signal) -> Found:
        """Nothing of signals that no metric will compare: they end in an error."""
        reference = self._reference
        if reference is None or signal.samples.shape != reference.signal.samples.shape or not signal.finite:
            return {}
        return alignment.check(signal, reference)

    @cached_property
    def _reference(self) -> Reference | None:
        """What signals are compared with; None if it cannot be."""
        signal = self._noisy if self._clean is None else self._clean
        return Reference(signal) if signal.finite and signal.energy else None

    @cached_property
    def _known(self) -> tuple[Found, ...]:
        """The findings of the recording, by their kinds: of the clean speech, and of the noisy."""
        return tuple(
            {kind(name)[1]: value for name, value in self.of_recording.items() if kind(name)[0] == prefix}
            for prefix in ("clean_", "noisy_")
        )


def _alone(signal: Signal) -> Found:
    if not (signal.samples.size and signal.finite):
        return {}
    return levels.check(signal) | band.check(signal)


def _new(found: Mapping[str, float], known: Mapping[str, float]) -> Found:
    """``found`` without what is known to the same extent."""
    return {
        name: value
        for name, value in found.items()
        if name not in known or not math.isclose(value, known[name], rel_tol=0.1)
    }


def _named(prefix: str, found: Mapping[str, float]) -> Found:
    """With the names that rows carry, and no more digits than anyone needs."""
    return {prefix + name: float(f"{value:.4g}") for name, value in found.items()}
