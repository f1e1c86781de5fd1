"""Mixtures of the user's clean speech and noise, computed on request and reproducible."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.core import audio
from bench.core.errors import UserError, did_you_mean
from bench.core.files import digest
from bench.core.folders import recordings_in
from bench.core.types import Tag, Utterance
from bench.datasets.base import Dataset
from bench.datasets.corpora.raw import RawFile
from bench.datasets.files import check_count, checked_name
from bench.datasets.recipes.mix import Draws, Mixer, Source, Spoken
from bench.datasets.sidefiles import beside


class MixedFolders(Dataset):
    """Every recording of a folder of clean speech, mixed with a random segment of a random noise recording.

    An utterance's noise, segment and SNR depend only on (seed, its id). Its tags are ``snr`` in dB, ``noise`` (the
    noise recording), ``noise_type`` (its sub-folder, if any) and ``speaker`` (the speech's first sub-folder, if any).
    The same is stored by ``bench data prepare mix``, which has rooms and other laws of the SNR, too.

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
        spoken, speech_notes = speech_in(speech)
        noises, noise_notes = noises_in(noise)
        self._notes = sorted([*speech_notes, *noise_notes])
        kept = np.linspace(0, len(spoken) - 1, min(limit or len(spoken), len(spoken))).round()
        names = list(spoken)
        draws = Draws((float(snr[0]), float(snr[1])), seed, mixdown=mixdown, channel=channel)
        self._mixer = Mixer({names[int(i)]: spoken[names[int(i)]] for i in kept}, noises, draws)
        self._name = checked_name("mixed_folders", name)

    @property
    def name(self) -> str:
        return self._name

    def ids(self) -> list[str]:
        return list(self._mixer.speech)

    def notes(self) -> list[str]:
        return self._notes

    def load(self, utterance: str) -> Utterance:
        """Mix one recording.

        Raises:
            UserError: no such utterance, a file cannot be read, or speech or noise is silent.
        """
        if utterance not in self._mixer.speech:
            raise did_you_mean(f"utterance of '{self.name}'", utterance, self._mixer.speech)
        return self._mixer(utterance).utterance

    def fingerprint(self) -> str:
        """SHA-256 over ids, every file's bytes, transcripts and the options that change the samples."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        draws = self._mixer.draws
        options = [draws.snr, draws.seed, draws.mixdown, *([] if draws.channel is None else [draws.channel])]
        speech = [
            [name, digest(spoken.file.path), spoken.transcript, *sorted(_given(name, spoken.tags).items())]
            for name, spoken in self._mixer.speech.items()
        ]
        noises = [[source.name, digest(source.file.path)] for source in self._mixer.noises]
        return hashlib.sha256(json.dumps([options, speech, noises]).encode()).hexdigest()


def speech_in(folder: str | Path) -> tuple[dict[str, Spoken], list[str]]:
    """The recordings of a folder of speech by name, with their transcripts and tags; and notes.

    Raises:
        UserError: a folder is missing or holds no audio, or its side files do not fit.
    """
    found = recordings_in(Path(folder).expanduser()).required()
    side = beside(found.folder, found.files)
    spoken = {
        name: Spoken(RawFile(path), side.transcripts.get(name), {**side.tags.get(name, {}), **_first(name, "speaker")})
        for name, path in found.files.items()
    }
    return spoken, [*found.notes(used=side.files), *side.notes]


def noises_in(folder: str | Path) -> tuple[list[Source], list[str]]:
    """The recordings of a folder of noise; and notes.

    Raises:
        UserError: the folder is missing or holds no audio.
    """
    found = recordings_in(Path(folder).expanduser()).required()
    sources = [Source(name, RawFile(path), _first(name, "noise_type")) for name, path in found.files.items()]
    return sources, found.notes()


def _first(name: str, tag: str) -> dict[str, Tag]:
    """A tag from the first sub-folder, if there is one."""
    return {tag: name.split("/", maxsplit=1)[0]} if "/" in name else {}


def _given(name: str, tags: Mapping[str, Tag]) -> dict[str, Tag]:
    """The tags that stand in a file: without the speaker of the folder's name."""
    return {tag: value for tag, value in tags.items() if (tag, value) not in _first(name, "speaker").items()}
