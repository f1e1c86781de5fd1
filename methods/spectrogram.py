"""Waveform <-> amplitude-compressed complex spectrogram, the domain in which all methods work.

The transform of Richter et al. 2023 (SGMSE+), Eq. (21): magnitudes are raised to ``exponent`` and
scaled by ``factor``, phases kept, so that heavy-tailed speech spectra and the diffusion noise meet on
one scale. Conventions (window, padding, length) are the StoRM release's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

FRAME_MULTIPLE = 64
"""Recordings are padded at the end to this many frames, as the reference does for every network."""


@dataclass(frozen=True)
class Spectrogram:
    """Settings of the transform; the defaults are those of the StoRM training script.

    Attributes:
        n_fft: window length in samples; 510 gives 256 frequency bins.
        hop: in samples.
        window: "hann" (periodic), or "sqrthann", its square root (as the paper's text has it).
        exponent: of the magnitude, 1 for none.
        factor: scale after the exponent.
        sample_rate: in Hz.
    """

    n_fft: int = 510
    hop: int = 128
    window: str = "hann"
    exponent: float = 0.5
    factor: float = 0.33
    sample_rate: int = 16000

    def __post_init__(self) -> None:
        if self.window not in ("hann", "sqrthann"):
            raise ValueError(f"window must be 'hann' or 'sqrthann', got '{self.window}'")

    def samples(self, frames: int) -> int:
        """The number of samples that gives exactly ``frames`` frames."""
        return (frames - 1) * self.hop

    def forward(self, waveform: Tensor) -> Tensor:
        """Real ``[B, samples]`` -> complex ``[B, 1, F, 1 + samples // hop]``.

        Shorter than half a window, a waveform is zero-padded at the end: the reflected border needs
        as many samples.
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
        """factor · |X|^exponent · exp(j angle X)."""
        magnitude = stft.abs() if self.exponent == 1 else stft.abs() ** self.exponent
        return torch.polar(self.factor * magnitude, stft.angle())

    def expand(self, spectrogram: Tensor) -> Tensor:
        """The inverse of ``compress``."""
        magnitude = spectrogram.abs() / self.factor
        if self.exponent != 1:
            magnitude = magnitude ** (1 / self.exponent)
        return torch.polar(magnitude, spectrogram.angle())

    def _window(self, like: Tensor) -> Tensor:
        window = torch.hann_window(self.n_fft, periodic=True, dtype=like.dtype, device=like.device)
        return window.sqrt() if self.window == "sqrthann" else window


def pad_frames(spectrogram: Tensor, multiple: int = FRAME_MULTIPLE) -> Tensor:
    """Zero-pad the last axis at the end to the next multiple."""
    return F.pad(spectrogram, (0, -spectrogram.shape[-1] % multiple))
