"""EARS-WHAM and EARS-Reverb: a recording of EARS in noise or in a room, as ears_benchmark's scripts describe them.

Richter et al., "EARS: An Anechoic Fullband Speech Dataset Benchmarked for Speech Enhancement and Dereverberation",
Interspeech 2024; github.com/sp-uhh/ears_benchmark. The steps are theirs, the draws are not: each recording has a
generator of its own here, so that it does not depend on those before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.signal import fftconvolve, lfilter

from bench.core import audio
from bench.core.errors import UserError
from bench.core.loudness import loudness
from bench.core.seeds import stable_seed
from bench.core.types import Audio, Tag, Utterance
from bench.datasets.corpora import responses
from bench.datasets.corpora.jobs import Made
from bench.datasets.recipes.mix import Source
from bench.datasets.synthesis import rooms

RATE = 48000
"""Of EARS, in Hz; everything is computed at it."""

MOST_TRIES = 1000
"""Draws of a noise that is long enough, or of a room whose reverberation is short enough."""


@dataclass(frozen=True)
class Steps:
    """What is done.

    Attributes:
        snr: range in dB, of loudnesses (ITU-R BS.1770).
        longest_t60: in s; rooms with a longer one are drawn again.
        low_cut: of a high-pass filter of second order on the speech, in Hz; None: none. Version 2's is 75.
        quietest: loudness in LUFS of a piece of speech at and below which it is left out, unless it is whispered.
        ramp: seconds at both ends of a test recording that are faded.
        rate: of what is stored, in Hz.
    """

    snr: tuple[float, ...] = (-2.5, 17.5)
    longest_t60: float = 2.0
    low_cut: float | None = None
    quietest: float | None = None
    ramp: float = 0.01
    rate: int = RATE
    seed: int = 42


@dataclass(frozen=True)
class Piece:
    """A part of a recording of EARS.

    Attributes:
        start, end: in samples; the end excluded.
        alone: mixed by itself and faded, as the test recordings; else the whole recording is mixed, then cut.
        snr: the range that its SNR is drawn from, if not that of all.
    """

    file: Path
    start: int
    end: int
    alone: bool
    tags: Mapping[str, Tag]
    snr: tuple[float, float] | None = None


@dataclass(frozen=True)
class Mixed:
    """Speech and what became of it; of what, as tags and as details."""

    clean: Audio
    noisy: Audio
    tags: Mapping[str, Tag]
    details: Mapping[str, Tag]


@dataclass(frozen=True)
class EarsMixer:
    """Makes a recording by its id.

    Args:
        kind: "noise" adds noise, "room" reverberates.
        sources: the noise recordings or room responses of the split.
    """

    kind: Literal["noise", "room"]
    pieces: Mapping[str, Piece]
    sources: Sequence[Source]
    steps: Steps
    _last: dict[Path, Mixed] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, name: str) -> Made | None:
        """The recording; None if its speech is too quiet to be one.

        Raises:
            UserError: a file cannot be read, or no noise or room fits.
        """
        piece = self.pieces[name]
        if piece.alone:
            clean = self._speech(piece.file)[piece.start : piece.end]
            mixed = self._faded(self._mix(clean, name, piece))
        else:
            whole = self._whole(piece)
            part = slice(piece.start, piece.end)
            mixed = Mixed(whole.clean[part], whole.noisy[part], whole.tags, whole.details)
            if self._is_too_quiet(mixed.clean, piece):
                return None
        clean, noisy = (audio.resample(signal, RATE, self.steps.rate) for signal in (mixed.clean, mixed.noisy))
        details = {"speech": str(piece.file), "start": piece.start, "end": piece.end, **mixed.details}
        from_rate = None if self.steps.rate == RATE else RATE
        tags = {**piece.tags, **mixed.tags}
        return Made(Utterance(name, noisy, self.steps.rate, clean, None, tags, from_rate), details)

    def _whole(self, piece: Piece) -> Mixed:
        """The mixed file that the piece is of; the last one is kept, as its other pieces come next."""
        if piece.file not in self._last:
            self._last.clear()
            drawn_by = f"{piece.file.parent.name}/{piece.file.stem}"
            self._last[piece.file] = self._mix(self._speech(piece.file), drawn_by, piece)
        return self._last[piece.file]

    def _speech(self, path: Path) -> Audio:
        samples, rate = audio.read(path)
        if rate != RATE:
            raise UserError(f"{path}: {rate} Hz, where EARS has {RATE} Hz; get the original")
        return samples if self.steps.low_cut is None else high_pass(samples, RATE, self.steps.low_cut)

    def _mix(self, speech: Audio, name: str, piece: Piece) -> Mixed:
        if not np.isfinite(loudness(speech, RATE)):
            raise UserError(f"{piece.file}: too quiet to have a loudness (ITU-R BS.1770), so no gain gives an SNR")
        rng = np.random.default_rng(stable_seed("EARS", self.kind, self.steps.seed, name))
        if self.kind == "room":
            return self._in_room(speech, rng)
        low, high = piece.snr or self.steps.snr
        return self._in_noise(speech, rng, round(float(rng.uniform(low, high)), 1))

    def _in_noise(self, speech: Audio, rng: np.random.Generator, snr: float) -> Mixed:
        """With a part of a noise that is long enough; the SNR is raised by 1 dB while the mixture would clip."""
        source, path = self._longer_noise(speech.size, rng)
        channel = int(rng.integers(responses.channels(path)))
        noise, _ = audio.read(path, channel=channel)
        start = int(rng.integers(noise.size - speech.size + 1))
        noise = noise[start : start + speech.size]
        if not noise.any():
            raise UserError(f"{path}: silent from sample {start}, so no gain gives an SNR")
        if float(np.abs(speech).max()) >= 1:
            raise UserError("the speech itself is clipped")
        quieter = loudness(speech, RATE) - loudness(noise, RATE)
        while True:
            noisy = speech + np.float32(10 ** ((quieter - snr) / 20)) * noise
            if float(np.abs(noisy).max()) < 1:
                break
            snr += 1
        tags: dict[str, Tag] = {"snr": round(snr, 1), "noise": source.name, **source.tags}
        return Mixed(speech, noisy, tags, {"noise": str(path), "noise_channel": channel, "noise_start": start})

    def _longer_noise(self, samples: int, rng: np.random.Generator) -> tuple[Source, Path]:
        for _ in range(MOST_TRIES):
            source = self.sources[int(rng.integers(len(self.sources)))]
            size, rate = audio.extent(source.file.path)
            if rate != RATE:
                raise UserError(f"{source.file}: {rate} Hz, where WHAM!'s noise of high resolution has {RATE} Hz")
            if size >= samples:
                return source, source.file.path
        raise UserError(f"of {MOST_TRIES} noises drawn none lasts {samples / RATE:.1f} s, as the speech does")

    def _in_room(self, speech: Audio, rng: np.random.Generator) -> Mixed:
        """Through a response from its direct sound on, at the loudness of the speech, or less where it would clip."""
        for _ in range(MOST_TRIES):
            source = self.sources[int(rng.integers(len(self.sources)))]
            path = source.file.path
            channel = int(rng.integers(responses.channels(path)))
            response, own = responses.read(path, channel)
            response = audio.resample(response, own, RATE)
            response = response[int(np.argmax(np.abs(response))) :]
            t60 = rooms.t60_of(response, RATE)
            if t60 is None or t60 > self.steps.longest_t60:
                continue
            noisy = fftconvolve(speech, response / np.abs(response).max())[: speech.size].astype(np.float32)
            louder = loudness(speech, RATE) - loudness(noisy, RATE)
            if np.isfinite(louder):
                noisy = noisy * np.float32(10 ** (louder / 20))
                noisy = noisy / np.float32(max(1.0, float(np.abs(noisy).max())))
                drr = round(rooms.measure_drr(response, RATE), 2)
                tags: dict[str, Tag] = {"t60": round(t60, 2), "drr": drr, "room": source.name, **source.tags}
                return Mixed(speech, noisy, tags, {"response": str(path), "response_channel": channel})
        raise UserError(f"of {MOST_TRIES} rooms drawn none has a T60 below {self.steps.longest_t60:g} s")

    def _is_too_quiet(self, speech: Audio, piece: Piece) -> bool:
        quietest = self.steps.quietest
        return quietest is not None and "whisper" not in piece.file.stem and loudness(speech, RATE) <= quietest

    def _faded(self, mixed: Mixed) -> Mixed:
        ramp = np.linspace(0, 1, round(self.steps.ramp * RATE), dtype=np.float32)
        gain = np.ones(mixed.clean.size, np.float32)
        ramp = ramp[: gain.size // 2]
        gain[: ramp.size] *= ramp
        gain[gain.size - ramp.size :] *= ramp[::-1]
        return Mixed(gain * mixed.clean, gain * mixed.noisy, mixed.tags, mixed.details)


def high_pass(speech: Audio, rate: int, cutoff: float) -> Audio:
    """A high-pass filter of second order with Q = 0.707, limited to full scale.

    R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients".
    """
    w0 = 2 * np.pi * cutoff / rate
    alpha, cosine = np.sin(w0) / (2 * 0.707), np.cos(w0)
    b = np.array([(1 + cosine) / 2, -(1 + cosine), (1 + cosine) / 2])
    a = np.array([1 + alpha, -2 * cosine, 1 - alpha])
    return np.asarray(np.clip(lfilter(b / a[0], a / a[0], speech.astype(np.float64)), -1, 1), dtype=np.float32)
