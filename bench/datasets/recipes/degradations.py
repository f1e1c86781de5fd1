"""Distortions beside noise and rooms, as in the URGENT challenge: clipping, bandwidth, coding, packet loss, wind.

Each is a function of speech ``[samples]``, its rate in Hz and a generator; it gives speech of the same length, and what
it drew. The kinds and ranges follow the URGENT 2024 challenge (Zhang et al., Interspeech 2024); the code is ours.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import soundfile
from scipy.signal import firwin, lfilter

from bench.core import audio
from bench.core.types import Audio, Tag

Degradation = Callable[[Audio, int, np.random.Generator], "Degraded"]


@dataclass(frozen=True)
class Degraded:
    """Distorted speech, and what was drawn, as tags."""

    speech: Audio
    tags: Mapping[str, Tag]


def clipping(speech: Audio, rate: int, rng: np.random.Generator) -> Degraded:
    """Clipped below and above: at quantiles of 0 to 10 % and 90 to 100 % of the samples."""
    low, high = np.quantile(speech, [rng.uniform(0.0, 0.1), rng.uniform(0.9, 1.0)])
    share = float(np.mean((speech < low) | (speech > high)))
    return Degraded(np.clip(speech, low, high).astype(np.float32), {"clipped": round(100 * share, 1)})


def bandwidth(speech: Audio, rate: int, rng: np.random.Generator) -> Degraded:
    """Low-passed by resampling to a random lower rate of 4 to 32 kHz and back."""
    lower = [one for one in (4000, 8000, 16000, 22050, 32000) if one < rate]
    chosen = int(lower[int(rng.integers(len(lower)))])
    return Degraded(low_pass(speech, rate, chosen / 2), {"bandwidth": chosen // 2})


def low_pass(speech: Audio, rate: int, cutoff: float) -> Audio:
    """Without what is above ``cutoff`` Hz: by a linear-phase filter of 511 taps, its delay removed."""
    if cutoff >= rate / 2:
        return speech
    taps = firwin(511, 0.95 * cutoff, fs=rate, window=("kaiser", 10.0))
    return np.asarray(lfilter(taps, 1.0, np.pad(speech, (0, 255)))[255:], dtype=np.float32)


CODECS: Mapping[str, tuple[str, str]] = {
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mulaw": ("WAV", "ULAW"),
    "gsm": ("WAV", "GSM610"),
}
"""What libsndfile codes and decodes, by name: container and coding."""


def codec(speech: Audio, rate: int, rng: np.random.Generator) -> Degraded:
    """Coded and decoded: MP3, Vorbis or Opus at a random quality; at 8 kHz mu-law or GSM, too."""
    name = list(CODECS)[int(rng.integers(len(CODECS)))]
    quality = float(rng.uniform(0.4, 0.98)) if name in ("mp3", "vorbis", "opus") else None
    coded = through_codec(speech, rate, name, quality)
    told: dict[str, Tag] = {"codec": name}
    return Degraded(coded, told if quality is None else {**told, "codec_compression": round(quality, 2)})


def through_codec(speech: Audio, rate: int, name: str, quality: float | None = None) -> Audio:
    """``speech`` coded by one of ``CODECS`` and decoded, at the same length and place.

    Args:
        quality: libsndfile's compression level, from 0, the best, to 1.
    """
    form, coding = CODECS[name]
    within = {"mulaw": 8000, "gsm": 8000, "opus": 48000}.get(name, rate)
    sent = audio.resample(speech, rate, within)
    buffer = io.BytesIO()
    options = {} if quality is None else {"compression_level": quality}
    soundfile.write(buffer, np.clip(sent, -1, 1), within, format=form, subtype=coding, **options)
    buffer.seek(0)
    heard, _ = soundfile.read(buffer, dtype="float32")
    return _aligned(audio.resample(heard, within, rate), speech)


def _aligned(heard: Audio, speech: Audio, most: int = 4000) -> Audio:
    """``heard`` without a coder's delay, as long as ``speech``."""
    size = 1 << (heard.size + speech.size).bit_length()
    cross = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(speech, size).conj(), size)
    delay = int(np.argmax(cross[: min(most, size)])) if speech.any() else 0
    moved = heard[delay : delay + speech.size]
    return np.pad(moved, (0, speech.size - moved.size)).astype(np.float32)


def packet_loss(speech: Audio, rate: int, rng: np.random.Generator) -> Degraded:
    """Packets of 20 ms lost in bursts of up to 10, 5 to 25 % of all; they are silent."""
    packet = round(0.02 * rate)
    count = -(-speech.size // packet)
    wanted = round(rng.uniform(0.05, 0.25) * count)
    lost = np.zeros(count, bool)
    while lost.sum() < wanted:
        start = int(rng.integers(count))
        lost[start : start + min(int(rng.integers(1, 11)), wanted - int(lost.sum()))] = True
    kept = np.where(np.repeat(lost, packet)[: speech.size], np.float32(0), speech)
    return Degraded(kept.astype(np.float32), {"packets_lost": round(100 * float(lost.mean()), 1)})


def wind(speech: Audio, rate: int, rng: np.random.Generator) -> Degraded:
    """Wind in gusts at -10 to 15 dB SNR: noise that falls by 12 dB an octave above 100 Hz, its level drifting.

    Recorded wind can be mixed as any noise; this is for who has none.
    """
    pole = np.exp(-2 * np.pi * 100 / rate)
    roar = lfilter([1 - pole], [1, -pole], lfilter([1 - pole], [1, -pole], rng.standard_normal(speech.size)))
    slow = np.exp(-2 * np.pi * 0.5 / rate)
    gusts = lfilter([1 - slow], [1, -slow], rng.standard_normal(speech.size))
    roar = roar * np.exp(1.5 * gusts / max(float(gusts.std()), 1e-12))
    snr = float(rng.uniform(-10, 15))
    gain = np.sqrt(np.mean(np.square(speech, dtype=np.float64)) / np.mean(roar**2) / 10 ** (snr / 10))
    return Degraded((speech + gain * roar).astype(np.float32), {"wind_snr": round(snr, 2)})


DEGRADATIONS: Mapping[str, Degradation] = {
    "clipping": clipping,
    "bandwidth": bandwidth,
    "codec": codec,
    "packet_loss": packet_loss,
    "wind": wind,
}
