"""Mixtures of the user's clean speech and noise, computed on request and reproducible."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.core import audio
from bench.core.errors import UserError, did_you_mean
from bench.core.files import digest
from bench.core.folders import recordings_in
from bench.core.seeds import stable_seed
from bench.core.types import Audio, Tag, Utterance
from bench.datasets.base import Dataset
from bench.datasets.files import check_count, checked_name
from bench.datasets.recipes import mixing
from bench.datasets.sidefiles import beside


class MixedFolders(Dataset):
    """Every recording of a folder of clean speech, mixed with a random segment of a random noise recording.

    An utterance's noise, segment and SNR depend only on (seed, its id). Its tags are ``snr`` in dB, ``noise`` (the
    noise recording), ``noise_type`` (its sub-folder, if any) and ``speaker`` (the speech's first sub-folder, if any).

    Args:
        speech: folder of clean speech, read recursively; transcripts and tags in it are used
            (``bench.datasets.sidefiles``).
        noise: folder of noise, likewise.
        snr: range in dB, drawn uniformly; the ratio of mean powers over the whole recording.
        seed: of the draws.
        name: in tables.
        limit: the number of utterances to keep, evenly spread over the sorted names.
        mixdown: average the channels of multi-channel files, which are refused otherwise.
        channel: or use this channel of each file, counted from 0.

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
        channel: int | None = None,
    ) -> None:
        if len(snr) != 2 or snr[0] > snr[1]:
            raise UserError(f"mixed_folders: snr must be a range [lowest, highest] in dB, got {list(snr)}")
        check_count("mixed_folders", "limit", limit)
        audio.check_channels("mixed_folders", mixdown, channel)
        found, noises = (recordings_in(Path(folder).expanduser()).required() for folder in (speech, noise))
        side = beside(found.folder, found.files)
        speech_files, self._noises = found.files, noises.files
        self._transcripts, self._tags = side.transcripts, side.tags
        self._notes = [*found.notes(used=side.files), *noises.notes(), *side.notes]
        kept = np.linspace(0, len(speech_files) - 1, min(limit or len(speech_files), len(speech_files))).round()
        names = list(speech_files)
        self._speech = {names[int(i)]: speech_files[names[int(i)]] for i in kept}
        self._snr, self._seed = (float(snr[0]), float(snr[1])), seed
        self._mixdown, self._channel = mixdown, channel
        self._name = checked_name("mixed_folders", name)

    @property
    def name(self) -> str:
        return self._name

    def ids(self) -> list[str]:
        return list(self._speech)

    def notes(self) -> list[str]:
        return self._notes

    def load(self, utterance: str) -> Utterance:
        """Mix one recording.

        Raises:
            UserError: no such utterance, a file cannot be read, or speech or noise is silent.
        """
        if utterance not in self._speech:
            raise did_you_mean(f"utterance of '{self.name}'", utterance, self._speech)
        clean, rate = self._read(self._speech[utterance])
        rng = np.random.default_rng(stable_seed("mixed_folders", self._seed, utterance))
        snr = float(rng.uniform(*self._snr))
        noise_name = list(self._noises)[int(rng.integers(len(self._noises)))]
        noise = self._noise(noise_name, rng, clean.size, rate)
        for signal, path in ((clean, self._speech[utterance]), (noise, self._noises[noise_name])):
            if not signal.any():
                raise UserError(f"{path}: silent, so no gain gives an SNR")
        noisy = mixing.add_noise(clean, noise, snr)
        gain = np.float32(min(1.0, 0.98 / float(np.abs(noisy).max())))
        tags: dict[str, Tag] = {**self._tags.get(utterance, {}), "snr": round(snr, 2), "noise": noise_name}
        for tag, name in (("noise_type", noise_name), ("speaker", utterance)):
            if "/" in name:
                tags[tag] = name.split("/", maxsplit=1)[0]
        return Utterance(utterance, gain * noisy, rate, gain * clean, self._transcripts.get(utterance), tags)

    def _read(self, path: Path) -> tuple[Audio, int]:
        return audio.read(path, mixdown=self._mixdown, channel=self._channel)

    def _noise(self, name: str, rng: np.random.Generator, samples: int, rate: int) -> Audio:
        noise, noise_rate = self._read(self._noises[name])
        return mixing.fit_noise(rng, audio.resample(noise, noise_rate, rate), samples)

    def fingerprint(self) -> str:
        """SHA-256 over ids, every file's bytes, transcripts and the options that change the samples."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        options = [self._snr, self._seed, self._mixdown, *([] if self._channel is None else [self._channel])]
        speech = [
            [name, digest(path), self._transcripts.get(name), *sorted(self._tags.get(name, {}).items())]
            for name, path in self._speech.items()
        ]
        noises = [[name, digest(path)] for name, path in self._noises.items()]
        return hashlib.sha256(json.dumps([options, speech, noises]).encode()).hexdigest()
