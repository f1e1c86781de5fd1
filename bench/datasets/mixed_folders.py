"""Your own clean speech in your own noise: mixtures made as they are asked for, the same ones every time."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.core import audio
from bench.core.errors import UserError, did_you_mean
from bench.core.seeds import stable_seed
from bench.core.types import Audio, Utterance
from bench.datasets.base import DATASETS, Dataset
from bench.datasets.files import checked_name, digest, transcripts_in
from bench.datasets.recipes import mixing


@DATASETS.register("mixed_folders")
class MixedFolders(Dataset):
    """Every recording of a folder of clean speech, in a random piece of a random noise recording.

    An utterance's noise, place and SNR depend on (seed, its id) alone. Its tags are ``snr`` in dB,
    ``noise`` (the noise recording), ``noise_type`` (its folder, where it lies in one) and ``speaker``
    (the speech's first folder, where it lies in one).

    Args:
        speech: folder of clean WAV or FLAC, read recursively; ``transcripts.csv`` or ``.txt`` in it are used.
        noise: folder of noise, likewise.
        snr: range in dB, drawn uniformly; the ratio of mean powers over the whole recording.
        seed: of the draws.
        name: as it appears in tables.
        limit: keep only so many utterances, evenly spread over the sorted names.
        mixdown: average the channels of multi-channel files, which are refused otherwise.

    Raises:
        UserError: a folder is missing or holds no audio.
    """

    def __init__(
        self,
        speech: str | Path,
        noise: str | Path,
        snr: tuple[float, float] = (-5.0, 15.0),
        seed: int = 0,
        name: str = "mixed_folders",
        limit: int | None = None,
        mixdown: bool = False,
    ) -> None:
        self._folders = [Path(folder).expanduser() for folder in (speech, noise)]
        for folder in self._folders:
            if not audio.files(folder):
                raise UserError(f"{folder}: no WAV or FLAC file in it")
        if len(snr) != 2 or snr[0] > snr[1]:
            raise UserError(f"mixed_folders: snr must be a range [lowest, highest] in dB, got {list(snr)}")
        if limit is not None and limit < 1:
            raise UserError(f"mixed_folders: limit must be a whole number above 0, got {limit}")
        speech_files, self._noises = (audio.files(folder) for folder in self._folders)
        kept = np.linspace(0, len(speech_files) - 1, min(limit or len(speech_files), len(speech_files))).round()
        names = list(speech_files)
        self._speech = {names[int(i)]: speech_files[names[int(i)]] for i in kept}
        self._transcripts = transcripts_in(self._folders[0])
        self._snr, self._seed, self._mixdown = (float(snr[0]), float(snr[1])), seed, mixdown
        self._name = checked_name("mixed_folders", name)

    @property
    def name(self) -> str:
        return self._name

    def ids(self) -> list[str]:
        return list(self._speech)

    def load(self, utterance: str) -> Utterance:
        """Mix one recording.

        Raises:
            UserError: no such utterance, a file cannot be read, or speech or noise is silent.
        """
        if utterance not in self._speech:
            raise did_you_mean(f"utterance of '{self.name}'", utterance, self._speech)
        clean, rate = audio.read(self._speech[utterance], mixdown=self._mixdown)
        rng = np.random.default_rng(stable_seed("mixed_folders", self._seed, utterance))
        snr = float(rng.uniform(*self._snr))
        noise_name = list(self._noises)[int(rng.integers(len(self._noises)))]
        noise = self._noise(noise_name, rng, clean.size, rate)
        for signal, path in ((clean, self._speech[utterance]), (noise, self._noises[noise_name])):
            if not signal.any():
                raise UserError(f"{path}: silent, so no gain gives an SNR")
        noisy = mixing.add_noise(clean, noise, snr)
        gain = np.float32(min(1.0, 0.98 / float(np.abs(noisy).max())))
        tags: dict[str, str | float] = {"snr": round(snr, 2), "noise": noise_name}
        for tag, name in (("noise_type", noise_name), ("speaker", utterance)):
            if "/" in name:
                tags[tag] = name.split("/", maxsplit=1)[0]
        return Utterance(utterance, gain * noisy, rate, gain * clean, self._transcripts.get(utterance), tags)

    def _noise(self, name: str, rng: np.random.Generator, samples: int, rate: int) -> Audio:
        noise, noise_rate = audio.read(self._noises[name], mixdown=self._mixdown)
        return mixing.fit_noise(rng, audio.resample(noise, noise_rate, rate), samples)

    def fingerprint(self) -> str:
        """SHA-256 over ids, every file's bytes, transcripts and the options that change the samples."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        options = [self._snr, self._seed, self._mixdown]
        speech = [[name, digest(path), self._transcripts.get(name)] for name, path in self._speech.items()]
        noises = [[name, digest(path)] for name, path in self._noises.items()]
        return hashlib.sha256(json.dumps([options, speech, noises]).encode()).hexdigest()
