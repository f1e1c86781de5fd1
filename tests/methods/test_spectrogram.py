"""The transform: round trips, lengths."""

import math

import pytest
import torch

from bench.core.errors import UserError
from methods.spectrogram import Spectrogram


@pytest.mark.parametrize("length", [1, 2, 127, 128, 254, 255, 256, 257, 509, 510, 4000])
@pytest.mark.parametrize("window", ["hann", "sqrthann"])
@pytest.mark.parametrize("transform", ["exponent", "log", "none"])
def test_round_trip_at_any_length(length: int, window: str, transform: str) -> None:
    settings = Spectrogram(window=window, transform=transform)
    waveform = torch.randn(2, length)
    assert torch.allclose(settings.inverse(settings.forward(waveform), length), waveform, atol=1e-4)


def test_frames() -> None:
    transform = Spectrogram()
    assert transform.forward(torch.zeros(1, transform.samples(256))).shape == (1, 1, 256, 256)
    assert transform.forward(torch.zeros(1, 16000)).shape[-1] == 1 + 16000 // 128


@pytest.mark.parametrize(("frames", "padded"), [(1, 64), (64, 64), (65, 128), (256, 256)])
def test_padding_goes_to_the_next_multiple(frames: int, padded: int) -> None:
    for padding in ("zeros", "reflect"):
        assert Spectrogram(padding=padding).pad(torch.ones(1, 1, 4, frames)).shape[-1] == padded


def test_padding_is_silence_or_the_recording_backwards() -> None:
    frames = torch.tensor([[1.0, 2.0, 3.0]])
    assert Spectrogram().pad(frames, 5).tolist() == [[1, 2, 3, 0, 0]]
    reflected = Spectrogram(padding="reflect").pad(frames, 8)
    assert reflected.tolist() == [[1, 2, 3, 2, 1, 2, 3, 2]]
    assert Spectrogram(padding="reflect").pad(frames[:, :1], 4).tolist() == [[1, 1, 1, 1]]
    longer = torch.randn(1, 1, 4, 40)
    assert torch.equal(
        Spectrogram(padding="reflect").pad(longer), torch.nn.functional.pad(longer, (0, 24, 0, 0), "reflect")
    )


def test_compression_keeps_the_phase_and_maps_zero_to_zero() -> None:
    transform = Spectrogram(factor=0.33, exponent=0.5)
    stft = torch.tensor([0j, 4 + 0j, -9j])
    assert torch.allclose(transform.compress(stft), torch.tensor([0j, 0.66 + 0j, -0.99j]))
    assert torch.allclose(transform.expand(transform.compress(stft)), stft, atol=1e-6)


def test_logarithm_and_no_compression_at_all() -> None:
    stft = torch.tensor([0j, 4 + 0j, -9j])
    logarithm = Spectrogram(transform="log", factor=0.5).compress(stft)
    assert torch.allclose(logarithm, torch.tensor([0, 0.5 * math.log(5), -0.5j * math.log(10)]))
    assert torch.equal(Spectrogram(transform="none").compress(stft), stft)


def test_the_settings_of_48_kilohertz() -> None:
    transform = Spectrogram(1534, 384, exponent=0.667, factor=0.065, sample_rate=48000)
    waveform = torch.randn(1, 30000)
    spectrogram = transform.forward(waveform)
    assert spectrogram.shape == (1, 1, 768, 79)
    assert torch.allclose(transform.inverse(spectrogram, 30000), waveform, atol=1e-4)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(UserError, match="hann"):
        Spectrogram(window="hanning")
    with pytest.raises(UserError, match="did you mean 'log'"):
        Spectrogram(transform="logs")
