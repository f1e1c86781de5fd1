"""What the networks are trained on: clean speech and its noisy or reverberant version, made as asked for.

A pool of speech and a pool of rooms are generated once and kept in a cache; everything else about a
pair (utterance, noise, SNR, level, room) is drawn when it is asked for, from the pair's own index.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from bench.core import audio
from bench.core.seeds import stable_seed
from bench.core.types import Audio
from bench.datasets import recordings
from bench.datasets.synthesis import mixing, pool, rooms, sentences, speech, voices
from bench.datasets.synthesis.choose import choose
from bench.datasets.synthesis.noise import Noise, noises, white

SAMPLE_RATE = speech.SAMPLE_RATE
RECIPE = 1
"""Raise it when generated speech or rooms change, so that no old cache is used."""

_UTTERANCES = {"train": 1200, "valid": 120}
_ROOMS = {"train": 160, "valid": 24}
_SHORTEST, _LONGEST = 2.0, 6.0  # s of an utterance
_LEVEL = (-32.0, -18.0)  # dB re full scale


class TrainingMixtures(Sequence[tuple[Audio, Audio]]):
    """Pairs ``(clean, noisy)``, float32 ``[samples]`` at 16 kHz, of 2 to 6.5 s (longer with own folders).

    Pair ``i`` depends on ``(split, seed, i)`` and the options alone. Every index is another draw, so a
    training that never asks for the same index twice never sees the same pair twice. About three
    pairs in ten are reverberant (the clean one is the direct sound), the others noisy.

    Args:
        split: "train" or "valid"; they share no voice, no sentence and no room, and no speaker and no
            recording of the user's own folders (``bench.datasets.recordings``).
        size: ``len()``; by default practically endless for "train", 200 for "valid".
        snr: range in dB, drawn uniformly.
        reverb_share: fraction of pairs that are reverberant.
        speech_dirs, noise_dirs: folders of WAV or FLAC, read recursively, used beside what is generated.
        real_share: how often speech and noise come from those folders, each where it has some.
        cache: where the pools lie; default ``$SEBENCH_CACHE`` or ``~/.cache/sebench``.

    Raises:
        UserError: the extra ``synthesis`` is not installed, or a folder holds no audio.
    """

    def __init__(
        self,
        split: Literal["train", "valid"] = "train",
        size: int | None = None,
        seed: int = 0,
        snr: tuple[float, float] = (-6.0, 14.0),
        reverb_share: float = 0.3,
        speech_dirs: Sequence[str | Path] = (),
        noise_dirs: Sequence[str | Path] = (),
        real_share: float = 0.5,
        cache: str | Path | None = None,
    ) -> None:
        self.split = split
        self.size = size or (10**9 if split == "train" else 200)
        self.seed = seed
        self.snr = snr
        self.reverb_share = reverb_share
        self.real_share = real_share
        self._speech_files = recordings.speech_files(speech_dirs, split)
        self._noise_files = recordings.noise_files(noise_dirs, split)
        folder = Path(cache or os.environ.get("SEBENCH_CACHE") or Path.home() / ".cache" / "sebench")
        self._speech = speech_pool(folder, split)
        self._rooms = room_pool(folder, split)

    def __str__(self) -> str:
        """What it is made of, for a model card."""
        voices_of = {voice.name for voice in voices.VOICES[self.split]}
        own = f"; own folders: {len(self._speech_files)} speech and {len(self._noise_files)} noise files"
        return (
            f"{len(self._speech)} utterances by {len(voices_of)} eSpeak NG {speech.version()} voices, generated noise "
            f"at {self.snr[0]:g} to {self.snr[1]:g} dB SNR, {len(self._rooms) // 2} simulated rooms "
            f"({self.reverb_share:.0%} of the pairs are reverberant), seed {self.seed}"
        ) + (own if self._speech_files or self._noise_files else "")

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Audio, Audio]:  # type: ignore[override]
        if not 0 <= index < self.size:
            raise IndexError(index)
        rng = np.random.default_rng(stable_seed("mixture", RECIPE, self.split, self.seed, index))
        utterance = self._draw_speech(rng)
        if rng.random() < self.reverb_share:
            clean, noisy = mixing.reverberate(utterance, self._draw_room(rng), SAMPLE_RATE)
        else:
            clean = utterance
            noisy = mixing.add_noise(clean, self._draw_noise(rng, clean.size), rng.uniform(*self.snr))
        return mixing.at_level(clean, noisy, rng.uniform(*_LEVEL))

    @cached_property
    def _noises(self) -> list[Noise]:
        return list(noises(self._speech).values())

    def _draw_speech(self, rng: np.random.Generator) -> Audio:
        if self._speech_files and rng.random() < self.real_share:
            recording = _read(choose(rng, self._speech_files))
            if recording.any():
                return recording
        return choose(rng, self._speech)

    def _draw_noise(self, rng: np.random.Generator, samples: int) -> Audio:
        if self._noise_files and rng.random() < self.real_share:
            recording = _read(choose(rng, self._noise_files))
            noise = mixing.fit_noise(rng, recording, samples)
        else:
            noise = choose(rng, self._noises)(rng, samples, SAMPLE_RATE)
        return noise if noise.any() else white(rng, samples, SAMPLE_RATE)

    def _draw_room(self, rng: np.random.Generator) -> rooms.Room:
        pair = 2 * int(rng.integers(len(self._rooms) // 2))
        return rooms.Room(self._rooms[pair], self._rooms[pair + 1], float("nan"))


def speech_pool(cache: Path, split: voices.Split) -> pool.Pool:
    """Utterances of the voices and sentences of ``split``."""
    count, version = _UTTERANCES[split], speech.version()
    folder = cache / f"speech-{split}-{RECIPE}-{count}-espeak-{version}"
    about = {"recipe": RECIPE, "split": split, "utterances": count, "espeak": version}
    return pool.build(folder, _progress(f"{split} speech", _utterances(split, count), count), about)


def room_pool(cache: Path, split: voices.Split) -> pool.Pool:
    """Rooms of ``split``, two signals each: reverberant, then anechoic."""
    count = _ROOMS[split]
    folder = cache / f"rooms-{split}-{RECIPE}-{count}"
    drawn = (rooms.draw_room(stable_seed("room", RECIPE, split, k), SAMPLE_RATE) for k in range(count))
    signals = (signal for room in drawn for signal in (room.reverberant, room.anechoic))
    return pool.build(folder, _progress(f"{split} rooms", signals, 2 * count), {"recipe": RECIPE, "rooms": count})


def _utterances(split: voices.Split, count: int) -> Iterator[Audio]:
    """Speech of 2 to 6 s: three in four free sentences, the others commands."""
    for k in range(count):
        rng = np.random.default_rng(stable_seed("utterance", RECIPE, split, k))
        kind: sentences.Kind = "free" if rng.random() < 0.75 else "command"
        voice, delivery = voices.draw_voice(rng, split), voices.draw_delivery(rng)
        text = sentences.spoken(sentences.draw_sentence(rng, split, kind))
        said = speech.synthesise(text, voice.name, **asdict(delivery))
        while said.size < _SHORTEST * SAMPLE_RATE:
            text += ", " + sentences.spoken(sentences.draw_sentence(rng, split, kind))
            said = speech.synthesise(text, voice.name, **asdict(delivery))
        yield said[: round(_LONGEST * SAMPLE_RATE)]


def _progress(what: str, signals: Iterator[Audio], count: int) -> Iterator[Audio]:
    """``signals``, with a bar on the terminal; it shows only when something is made."""
    from rich.progress import track

    yield from track(signals, description=f"generating {what}", total=count, transient=True)


def _read(path: Path) -> Audio:
    samples, rate = audio.read(path, mixdown=True)
    return audio.resample(samples, rate, SAMPLE_RATE)
