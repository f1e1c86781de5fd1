"""The transform: round trips, lengths, and the reference's numbers where they are at hand."""

from pathlib import Path

import numpy as np
import pytest
import torch

from methods.spectrogram import Spectrogram, pad_frames


@pytest.mark.parametrize("length", [1, 2, 127, 128, 254, 255, 256, 257, 509, 510, 4000])
@pytest.mark.parametrize("window", ["hann", "sqrthann"])
def test_round_trip_at_any_length(length: int, window: str) -> None:
    transform = Spectrogram(window=window)
    waveform = torch.randn(2, length)
    assert torch.allclose(transform.inverse(transform.forward(waveform), length), waveform, atol=1e-4)


def test_frames() -> None:
    transform = Spectrogram()
    assert transform.forward(torch.zeros(1, transform.samples(256))).shape == (1, 1, 256, 256)
    assert transform.forward(torch.zeros(1, 16000)).shape[-1] == 1 + 16000 // 128


@pytest.mark.parametrize(("frames", "padded"), [(1, 64), (64, 64), (65, 128), (256, 256)])
def test_padding_goes_to_the_next_multiple(frames: int, padded: int) -> None:
    assert pad_frames(torch.ones(1, 1, 4, frames)).shape[-1] == padded


def test_compression_keeps_the_phase_and_maps_zero_to_zero() -> None:
    transform = Spectrogram(factor=0.33, exponent=0.5)
    stft = torch.tensor([0j, 4 + 0j, -9j])
    assert torch.allclose(transform.compress(stft), torch.tensor([0j, 0.66 + 0j, -0.99j]))
    assert torch.allclose(transform.expand(transform.compress(stft)), stft, atol=1e-6)


def test_unknown_window_is_refused() -> None:
    with pytest.raises(ValueError, match="sqrthann"):
        Spectrogram(window="hamming")


@pytest.mark.parametrize("window", ["hann", "sqrthann"])
def test_equals_the_reference(shared: Path, window: str) -> None:
    transform = Spectrogram(window=window, factor=0.33, exponent=0.5)
    with np.load(shared / "reference" / "spectral" / "storm_spectral.npz") as golden:
        waveform, length = torch.from_numpy(golden["wav"]), golden["wav"].shape[-1]
        expected = torch.from_numpy(golden[f"{window}_spec_f0.33_e0.5"])
        inverted = torch.from_numpy(golden[f"{window}_istft_len2600"])
        inverted_padded = torch.from_numpy(golden[f"{window}_istft_from_padded_len2600"])
    ours = transform.forward(waveform)
    assert (ours.squeeze(1) - expected).abs().max() < 1e-5 * expected.abs().max()
    assert torch.allclose(transform.inverse(ours, length), inverted, atol=1e-5)
    assert torch.allclose(transform.inverse(pad_frames(ours), length), inverted_padded, atol=1e-5)
