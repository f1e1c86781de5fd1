"""Training pairs: clean speech and its noisy or reverberant version, computed on request.

Pools of speech and of rooms (``bench.datasets.recipes.pools``) are generated when first used and kept in a cache.
Everything else about a pair (utterance, noise, SNR, level, room) is drawn on request, from the pair's index.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.core.errors import UserError
from bench.core.seeds import stable_seed
from bench.core.types import Audio
from bench.datasets.leaks.sources import Kind, Sources
from bench.datasets.recipes import degradations, mixing, recordings
from bench.datasets.recipes.pools import RECIPE, flite_pool, natural_pool, room_pool, speech_pool
from bench.datasets.recipes.recordings import Folders, Split
from bench.datasets.synthesis import flite, kokoro, rooms, speech, voices
from bench.datasets.synthesis.choose import choose
from bench.datasets.synthesis.noise import Noise, noises, rumbling, white

SAMPLE_RATE = speech.SAMPLE_RATE
FLITE_SHARE = 0.25
"""Flite's share of the utterances that are not by natural voices, if Flite is used."""

_LEVEL = (-32.0, -18.0)  # dB re full scale


class TrainingMixtures(Sequence[tuple[Audio, Audio]]):
    """Pairs ``(clean, noisy)``, float32 ``[samples]`` at 16 kHz, of 2 to 6.5 s (longer with own folders).

    Pair ``i`` depends only on ``(split, seed, i)`` and the options. Every index is a new draw, so a training that uses
    each index once never repeats a pair. About three pairs in ten are reverberant (the clean one is the direct sound),
    the others noisy.

    Args:
        split: "train" or "valid"; they share no voice, no sentence and no room, and no speaker, no
            recording and no room of the user's own folders (``bench.datasets.recipes.recordings``).
        size: ``len()``; by default practically endless for "train", 200 for "valid".
        snr: range in dB, drawn uniformly.
        reverb_share: fraction of pairs that are reverberant.
        rumble_share: fraction of the noises whose lowest frequencies are raised (``synthesis.noise.rumbling``);
            None: none.
        low_pass: cutoffs in Hz: the other pairs are speech without what is above one of them, instead of noisy.
        speech_dirs, noise_dirs, rir_dirs: folders of recordings with speech, noise and room impulse
            responses, read recursively, used beside what is generated.
        real_share: how often speech, noise and rooms come from those folders, each where it has some.
        natural_share: how often generated speech is by Kokoro's natural voices, which speak the babble too;
            None: never. The rest is eSpeak's; with 1 there is none, and eSpeak is not needed.
        flite: whether a quarter of that rest is by Flite's voices.
        about: what to say of the folders in a model card, beside what is found in them.
        cache: where the pools lie; default ``$SEBENCH_CACHE`` or ``~/.cache/sebench``.

    Raises:
        UserError: something must be generated and the extra ``synthesis`` (or Flite) is not installed, or
            a folder holds no audio.
    """

    def __init__(
        self,
        split: Split = "train",
        size: int | None = None,
        seed: int = 0,
        snr: tuple[float, float] = (-6.0, 14.0),
        reverb_share: float = 0.3,
        speech_dirs: Folders = (),
        noise_dirs: Folders = (),
        rir_dirs: Folders = (),
        real_share: float = 0.5,
        natural_share: float | None = None,
        flite: bool = False,
        about: str | None = None,
        cache: str | Path | None = None,
        low_pass: Sequence[float] | None = None,
        rumble_share: float | None = None,
    ) -> None:
        self.split = split
        self.size = size or (10**9 if split == "train" else 200)
        self.seed = seed
        self.snr = snr
        self.reverb_share = reverb_share
        self.low_pass = tuple(low_pass or ())
        self.rumble_share = rumble_share or 0.0
        self.real_share = real_share
        self.natural_share = natural_share or 0.0
        self.about = about
        self._folders = {"speech": speech_dirs, "noise": noise_dirs, "rooms": rir_dirs}
        self._speech_files = recordings.files(speech_dirs, split, recordings.speaker)
        self._noise_files = recordings.files(noise_dirs, split, recordings.noise_recording)
        self._room_files = recordings.files(rir_dirs, split, recordings.room)
        folder = Path(cache or os.environ.get("SEBENCH_CACHE") or Path.home() / ".cache" / "sebench")
        noises = reverb_share < 1 and not self.low_pass
        speaks = self._generated(self._speech_files) or (noises and self._generated(self._noise_files))
        espeaks = speaks and self.natural_share < 1
        self._speech: Sequence[Audio] = speech_pool(folder, split) if espeaks else ()
        self._natural = natural_pool(folder, split) if speaks and self.natural_share else None
        self._flite: Sequence[Audio] = flite_pool(folder, split) if speaks and flite else ()
        reverberates = reverb_share > 0 and self._generated(self._room_files)
        self._rooms: Sequence[Audio] = room_pool(folder, split) if reverberates else ()

    def _generated(self, files: Sequence[Path]) -> bool:
        """Whether anything is generated in addition to ``files``."""
        return not files or self.real_share < 1

    def notes(self) -> list[str]:
        """A line for each of the user's folders with files that are not read."""
        return [note for folders in self._folders.values() for note in recordings.notes(folders)]

    def sources(self) -> Sources:
        """The user's recordings that it draws from, for the search for leaks; what is generated is nowhere else."""
        parts: tuple[tuple[Kind, Sequence[Path], str, recordings.Owner], ...] = (
            ("clip", self._speech_files, "speech", recordings.speaker),
            ("noise", () if self.low_pass else self._noise_files, "noise", recordings.noise_recording),
            ("room", self._room_files, "rooms", recordings.room),
        )
        return Sources(
            [
                recordings.source(kind, path, self._folders[folders], owner)
                for kind, files, folders, owner in parts
                for path in files
            ]
        )

    def __str__(self) -> str:
        """Its sources for a model card, one line each."""
        lines = []
        if self._speech:
            voices_of = {voice.name for voice in voices.VOICES[self.split]}
            lines.append(f"{len(self._speech)} utterances by {len(voices_of)} eSpeak NG {speech.version()} voices")
        if self._natural:
            count = len(kokoro.VOICES[self.split])
            lines.append(
                f"{self.natural_share:.0%} of the generated speech: {len(self._natural)} utterances by {count} voices "
                f"of Kokoro {self._natural.about['kokoro']}, and blends of them"
            )
        if self._flite:
            speakers = ", ".join(flite.VOICES[self.split])
            lines.append(f"{len(self._flite)} utterances by Flite {flite.version()}'s voices {speakers}")
        if not self.low_pass:
            generated = "generated noise" if self._generated(self._noise_files) else "noise"
            rumbling = f", {self.rumble_share:.0%} with raised low frequencies" if self.rumble_share else ""
            lines.append(f"{generated} at {self.snr[0]:g} to {self.snr[1]:g} dB SNR{rumbling}")
        if self._rooms:
            lines.append(f"{len(self._rooms) // 2} simulated rooms")
        cutoffs = " or ".join(f"{cutoff:g}" for cutoff in self.low_pass)
        others = f"low-passed at {cutoffs} Hz" if self.low_pass else "noisy"
        lines.append(f"{self.reverb_share:.0%} of the pairs are reverberant, the others {others}; seed {self.seed}")
        owners = {
            "speech": ("speakers", recordings.speaker),
            "noise": ("noise recordings", recordings.noise_recording),
            "rooms": ("rooms", recordings.room),
        }
        for kind, folders in self._folders.items():
            if folders and not (kind == "noise" and self.low_pass):
                what, owner = owners[kind]
                held = f"{recordings.VALID_SHARE:.0%} of the {what} are for validation alone"
                lines.append(f"{self.real_share:.0%} of the {kind}: {recordings.about(what, folders, owner)}; {held}")
        return "\n".join([*lines, *([self.about] if self.about else [])])

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Audio, Audio]:  # type: ignore[override]
        if not 0 <= index < self.size:
            raise IndexError(index)
        rng = np.random.default_rng(stable_seed("mixture", RECIPE, self.split, self.seed, index))
        utterance = self._draw_speech(rng)
        if rng.random() < self.reverb_share:
            clean, noisy = mixing.reverberate(utterance, self._draw_room(rng), SAMPLE_RATE)
        elif self.low_pass:
            clean, noisy = utterance, degradations.low_pass(utterance, SAMPLE_RATE, choose(rng, self.low_pass))
        else:
            clean = utterance
            noisy = mixing.add_noise(clean, self._draw_noise(rng, clean.size), rng.uniform(*self.snr))
        return mixing.at_level(clean, noisy, rng.uniform(*_LEVEL))

    @cached_property
    def _noises(self) -> list[Noise]:
        return list(noises(self._natural or self._speech).values())

    def _draw_speech(self, rng: np.random.Generator) -> Audio:
        if self._own(rng, self._speech_files):
            path = choose(rng, self._speech_files)
            recording = recordings.read_speech(path, rng, SAMPLE_RATE)
            if recording.any():
                return recording
            if not (self._speech or self._natural):
                raise UserError(f"{path}: silence; take it out of dataset.speech_dirs")
        if self._natural and rng.random() < self.natural_share:
            return choose(rng, self._natural)
        if self._flite and rng.random() < FLITE_SHARE:
            return choose(rng, self._flite)
        return choose(rng, self._speech)

    def _draw_noise(self, rng: np.random.Generator, samples: int) -> Audio:
        if self._own(rng, self._noise_files):
            noise = recordings.read_noise(choose(rng, self._noise_files), rng, samples, SAMPLE_RATE)
        else:
            noise = choose(rng, self._noises)(rng, samples, SAMPLE_RATE)
        if not noise.any():
            noise = white(rng, samples, SAMPLE_RATE)
        if self.rumble_share and rng.random() < self.rumble_share:
            return rumbling(rng, noise, SAMPLE_RATE)
        return noise

    def _draw_room(self, rng: np.random.Generator) -> rooms.Room:
        if self._own(rng, self._room_files):
            path = choose(rng, self._room_files)
            response = recordings.read_response(path, SAMPLE_RATE)
            if not response.any():
                raise UserError(f"{path}: silence; take it out of dataset.rir_dirs")
            return rooms.measured_room(response, SAMPLE_RATE)
        pair = 2 * int(rng.integers(len(self._rooms) // 2))
        return rooms.Room(self._rooms[pair], self._rooms[pair + 1], float("nan"))

    def _own(self, rng: np.random.Generator, files: Sequence[Path]) -> bool:
        """Whether to use one of the user's ``files`` this time; draws a random number only if there are any."""
        return bool(files) and rng.random() < self.real_share
