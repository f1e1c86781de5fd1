"""Speech and rooms for training, generated once into a cache folder and then only read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from bench.core.seeds import stable_seed
from bench.core.types import Audio
from bench.datasets.synthesis import flite, kokoro, pool, rooms, sentences, speech, voices
from bench.datasets.synthesis.choose import choose

SAMPLE_RATE = speech.SAMPLE_RATE
RECIPE = 1
"""Incremented when generated speech or rooms change, so that no old cache is used."""

_UTTERANCES = {"train": 1200, "valid": 120}
_NATURAL_UTTERANCES = {"train": 400, "valid": 40}
_FLITE_UTTERANCES = {"train": 400, "valid": 40}
_ROOMS = {"train": 160, "valid": 24}
_SHORTEST, _LONGEST = 2.0, 6.0  # s of an utterance


def speech_pool(cache: Path, split: voices.Split) -> pool.Pool:
    """Utterances of the voices and sentences of ``split``."""
    count, version = _UTTERANCES[split], speech.version()
    folder = cache / f"speech-{split}-{RECIPE}-{count}-espeak-{version}"
    about = {"recipe": RECIPE, "split": split, "utterances": count, "espeak": version}
    return pool.build(folder, _progress(f"{split} speech", _utterances(split, count), count), about)


def natural_pool(cache: Path, split: voices.Split) -> pool.Pool:
    """Utterances of Kokoro's voices of ``split``, and blends of them, and of its sentences: some 20 minutes.

    Its ``about`` names the versions that generated it. Generation takes long and depends on the version of onnxruntime,
    so a pool from another machine is accepted.
    """
    count = _NATURAL_UTTERANCES[split]
    folder = cache / f"speech-{split}-{RECIPE}-{count}-kokoro-82M"
    about = {"recipe": RECIPE, "split": split, "utterances": count, "kokoro": kokoro.version()}
    signals = _natural_utterances(cache / kokoro.STYLES, split, count)
    return pool.build(folder, _progress(f"{split} speech by Kokoro", signals, count), about)


def flite_pool(cache: Path, split: voices.Split) -> pool.Pool:
    """Utterances of Flite's voices of ``split`` and of its sentences."""
    count, version = _FLITE_UTTERANCES[split], flite.version()
    folder = cache / f"speech-{split}-{RECIPE}-{count}-flite-{version}"
    about = {"recipe": RECIPE, "split": split, "utterances": count, "flite": version}
    return pool.build(folder, _progress(f"{split} speech by Flite", _flite_utterances(split, count), count), about)


def room_pool(cache: Path, split: voices.Split) -> pool.Pool:
    """Rooms of ``split``, two signals each: reverberant, then anechoic."""
    count = _ROOMS[split]
    folder = cache / f"rooms-{split}-{RECIPE}-{count}"
    drawn = (rooms.draw_room(stable_seed("room", RECIPE, split, k), SAMPLE_RATE) for k in range(count))
    signals = (signal for room in drawn for signal in (room.reverberant, room.anechoic))
    return pool.build(folder, _progress(f"{split} rooms", signals, 2 * count), {"recipe": RECIPE, "rooms": count})


def _utterances(split: voices.Split, count: int) -> Iterator[Audio]:
    """Speech of 2 to 6 s by eSpeak's voices."""
    for k in range(count):
        rng = np.random.default_rng(stable_seed("utterance", RECIPE, split, k))
        kind = _draw_kind(rng)
        voice, delivery = voices.draw_voice(rng, split), voices.draw_delivery(rng)
        yield _say(rng, split, kind, partial(speech.synthesise, voice=voice.name, **asdict(delivery)))


def _natural_utterances(styles: Path, split: voices.Split, count: int) -> Iterator[Audio]:
    """Speech of 2 to 6 s by Kokoro's voices."""
    speak = kokoro.Kokoro(styles)
    for k in range(count):
        rng = np.random.default_rng(stable_seed("natural utterance", RECIPE, split, k))
        kind, voice = _draw_kind(rng), kokoro.draw_voice(rng, split)
        yield _say(rng, split, kind, partial(speak, voice=voice, speed=rng.uniform(0.8, 1.25)))


def _flite_utterances(split: voices.Split, count: int) -> Iterator[Audio]:
    """Speech of 2 to 6 s by Flite's voices."""
    for k in range(count):
        rng = np.random.default_rng(stable_seed("flite utterance", RECIPE, split, k))
        kind, voice = _draw_kind(rng), choose(rng, flite.VOICES[split])
        stretch, pitch = rng.uniform(0.85, 1.15), rng.uniform(0.9, 1.12)
        yield _say(rng, split, kind, partial(flite.synthesise, voice=voice, stretch=stretch, pitch=pitch))


def _draw_kind(rng: np.random.Generator) -> sentences.Kind:
    """Three in four free sentences, the others commands."""
    return "free" if rng.random() < 0.75 else "command"


def _say(
    rng: np.random.Generator, split: voices.Split, kind: sentences.Kind, synthesise: Callable[[str], Audio]
) -> Audio:
    """Sentences until they are long enough, cut if they are too long."""
    text = sentences.spoken(sentences.draw_sentence(rng, split, kind))
    said = synthesise(text)
    while said.size < _SHORTEST * SAMPLE_RATE:
        text += ", " + sentences.spoken(sentences.draw_sentence(rng, split, kind))
        said = synthesise(text)
    return said[: round(_LONGEST * SAMPLE_RATE)]


def _progress(what: str, signals: Iterator[Audio], count: int) -> Iterator[Audio]:
    """``signals``, with a progress bar that appears only if something is generated."""
    from rich.progress import track

    yield from track(signals, description=f"generating {what}", total=count, transient=True)
