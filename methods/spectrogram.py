"""Waveform <-> amplitude-compressed complex spectrogram, the domain of the trained methods.

The transform of Richter et al. 2023 (SGMSE+), Eq. (21): magnitudes are raised to ``exponent`` and scaled by
``factor``, phases are kept. This brings heavy-tailed speech spectra to the scale of the diffusion noise. Conventions
(window, padding, length) are those of the StoRM and SGMSE releases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.core.errors import UserError, did_you_mean

WINDOWS = ("hann", "sqrthann")
TRANSFORMS = ("exponent", "log", "none")
PADDINGS = ("zeros", "reflect")
LONGEST_WINDOW = 1 << 16
FRAME_MULTIPLE = 64
"""Recordings are padded at the end to this many frames, as the reference does for every network."""


@dataclass(frozen=True)
class Spectrogram:
    """Settings of the transform; the defaults are those of the StoRM training script.

    Attributes:
        n_fft: window length in samples; 510 gives 256 frequency bins.
        hop: in samples.
        window: "hann" (periodic) as in the releases, or "sqrthann", its square root, as in the papers.
        transform: "exponent"; "log", factor * log(1 + magnitude); or "none", the STFT itself.
        exponent: of the magnitude, 1 for none.
        factor: scale after the exponent or the logarithm.
        padding: at the end, up to a multiple of ``FRAME_MULTIPLE`` frames: "zeros", or "reflect" as SGMSE's script
            does for the networks ``ncsnpp_v2`` and ``ncsnpp_48k``.
        sample_rate: in Hz.
    """

    n_fft: int = 510
    hop: int = 128
    window: str = "hann"
    transform: str = "exponent"
    exponent: float = 0.5
    factor: float = 0.33
    padding: str = "zeros"
    sample_rate: int = 16000

    def __post_init__(self) -> None:
        for kind, known in (("window", WINDOWS), ("transform", TRANSFORMS), ("padding", PADDINGS)):
            if (name := getattr(self, kind)) not in known:
                raise did_you_mean(kind, name, known)
        whole = all(isinstance(value, int) for value in (self.n_fft, self.hop, self.sample_rate))
        if not whole or not 2 <= self.n_fft <= LONGEST_WINDOW or not 1 <= self.hop < self.n_fft or self.sample_rate < 1:
            told = f"n_fft={self.n_fft!r:.20}, hop={self.hop!r:.20}, sample_rate={self.sample_rate!r:.20}"
            raise UserError(f"{told}: n_fft is a whole number from 2 to {LONGEST_WINDOW}, and hop one below it")
        for kind, number in (("exponent", self.exponent), ("factor", self.factor)):
            if not (isinstance(number, int | float) and 0 < number < math.inf):
                raise UserError(f"{kind}={number!r:.20}: a number above 0")

    def samples(self, frames: int) -> int:
        """The number of samples that gives exactly ``frames`` frames."""
        return (frames - 1) * self.hop

    def padded_frames(self, samples: int) -> int:
        """The number of frames of a waveform of ``samples`` after ``forward`` and ``pad``."""
        frames = 1 + max(samples, self.n_fft // 2 + 1) // self.hop
        return frames + -frames % FRAME_MULTIPLE

    def forward(self, waveform: Tensor) -> Tensor:
        """Real ``[B, samples]`` -> complex ``[B, 1, F, 1 + samples // hop]``.

        A waveform shorter than half a window is zero-padded at the end, because the reflected border needs as many
        samples.
        """
        missing = self.n_fft // 2 + 1 - waveform.shape[-1]
        if missing > 0:
            waveform = F.pad(waveform, (0, missing))
        stft = torch.stft(
            waveform, self.n_fft, self.hop, window=self._window(waveform), center=True, return_complex=True
        )
        return self.compress(stft).unsqueeze(1)

    def inverse(self, spectrogram: Tensor, length: int) -> Tensor:
        """Complex ``[B, 1, F, T]`` -> real ``[B, length]``."""
        stft = self.expand(spectrogram.squeeze(1))
        available = max(length, self.n_fft // 2 + 1)
        return torch.istft(stft, self.n_fft, self.hop, window=self._window(stft.real), center=True, length=available)[
            ..., :length
        ]

    def compress(self, stft: Tensor) -> Tensor:
        """factor · |X|^exponent · exp(j angle X), or another ``transform``."""
        if self.transform == "none":
            return stft
        magnitude = stft.abs()
        if self.transform == "log":
            magnitude = torch.log(1 + magnitude)
        elif self.exponent != 1:
            magnitude = magnitude**self.exponent
        return torch.polar(self.factor * magnitude, stft.angle())

    def expand(self, spectrogram: Tensor) -> Tensor:
        """The inverse of ``compress``."""
        if self.transform == "none":
            return spectrogram
        magnitude = spectrogram.abs() / self.factor
        if self.transform == "log":
            magnitude = torch.exp(magnitude) - 1
        elif self.exponent != 1:
            magnitude = magnitude ** (1 / self.exponent)
        return torch.polar(magnitude, spectrogram.angle())

    def pad(self, spectrogram: Tensor, multiple: int = FRAME_MULTIPLE) -> Tensor:
        """Pad the last axis at its end to the next multiple of ``multiple`` frames."""
        frames = spectrogram.shape[-1]
        missing = -frames % multiple
        if self.padding == "zeros":
            return F.pad(spectrogram, (0, missing))
        # Indices reflect at both ends, repeatedly if the recording is shorter than the padding.
        period = max(2 * (frames - 1), 1)
        walk = torch.arange(frames + missing, device=spectrogram.device) % period
        return spectrogram[..., torch.minimum(walk, period - walk)]

    def _window(self, like: Tensor) -> Tensor:
        window = torch.hann_window(self.n_fft, periodic=True, dtype=like.dtype, device=like.device)
        return window.sqrt() if self.window == "sqrthann" else window
