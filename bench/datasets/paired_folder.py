"""The user's recordings: a folder with ``noisy/`` and, if there is a reference, ``clean/``; or a CSV manifest.

In a folder, files are paired by their relative name without suffix: ``noisy/anna/01.wav`` and ``clean/anna/01.flac``
are the utterance ``anna/01``; case and Unicode form may differ. The folder may also contain transcripts and tags
(``bench.datasets.sidefiles``).

A manifest is a CSV file with the columns ``id`` and ``noisy``, and optionally ``clean``, ``transcript`` and ``tags``
(``snr=5; noise=babble``); every further column is a tag. Paths are relative to the manifest's folder. An empty
``transcript`` means that nothing is spoken.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from bench.core import audio
from bench.core.errors import UserError, did_you_mean
from bench.core.files import digest
from bench.core.remote import copied, is_url
from bench.core.types import Audio, Tag, Utterance
from bench.datasets.base import Dataset
from bench.datasets.files import check_count, checked_name, name_of
from bench.datasets.pairs import Entry, from_folder, from_manifest


class PairedFolder(Dataset):
    """Recordings in a folder or manifest.

    Lists of other tools are read, too: JSON lines, Kaldi's wav.scp, Hugging Face's audio folders
    (``bench.datasets.listings``).

    Args:
        dir: the folder. Either ``dir`` or ``manifest`` is required.
        manifest: the CSV file, or another list; its URL, whose files are then fetched from beside it.
        noisy, clean: the sub-folders of ``dir``, if they have other names. Without ``clean/`` the recordings have no
            reference, and metrics that need one are skipped.
        name: in tables; by default the name of the folder or manifest.
        sample_rate: resample everything to this rate in Hz; None keeps each recording's own.
        mixdown: average the channels of multi-channel files, which are refused otherwise.
        channel: or use this channel of each file, counted from 0.
        limit: the number of utterances to keep, from the first.

    The files of a pair must have the same length, and the same rate unless ``sample_rate`` is given. A recording
    without counterpart stays in ``ids()`` and fails in ``load``: nothing is dropped silently.

    Raises:
        UserError: no such folder or file, no recording or no pair in it, or ambiguous names or manifest.
    """

    reads_urls: ClassVar[frozenset[str]] = frozenset({"manifest"})

    def __init__(
        self,
        dir: str | Path | None = None,
        manifest: str | Path | None = None,
        noisy: str | None = None,
        clean: str | None = None,
        name: str | None = None,
        sample_rate: int | None = None,
        mixdown: bool = False,
        limit: int | None = None,
        channel: int | None = None,
    ) -> None:
        if (dir is None) == (manifest is None):
            raise UserError(
                "paired_folder needs either 'dir' (a folder with noisy/ and clean/) or 'manifest' (a CSV file)"
            )
        check_count("paired_folder", "sample_rate", sample_rate)
        check_count("paired_folder", "limit", limit)
        audio.check_channels("paired_folder", mixdown, channel)
        if dir is not None:
            source = Path(dir).expanduser()
            pairs = from_folder(source, noisy, clean)
        else:
            assert manifest is not None
            if noisy or clean:
                raise UserError("paired_folder: a manifest names its own files; drop the options 'noisy' and 'clean'")
            source = copied(str(manifest)) if is_url(manifest) else Path(manifest).expanduser()
            pairs = from_manifest(source, str(manifest) if is_url(manifest) else None)
        self._entries = dict(list(pairs.entries.items())[:limit])
        self._notes = list(pairs.notes)
        self._name = checked_name("paired_folder", name) if name is not None else name_of(source, "paired_folder")
        self._sample_rate = sample_rate
        self._mixdown, self._channel = mixdown, channel

    @property
    def name(self) -> str:
        return self._name

    def ids(self) -> list[str]:
        return list(self._entries)

    def tags(self, utterance: str) -> Mapping[str, Tag]:
        return self._entries[utterance].tags

    def notes(self) -> list[str]:
        return self._notes

    def load(self, utterance: str) -> Utterance:
        entry = self._entries.get(utterance)
        if entry is None:
            raise did_you_mean(f"utterance of '{self.name}'", utterance, self._entries)
        if entry.noisy is None or entry.problem:
            raise UserError(entry.problem)
        noisy, file_rate = self._read(entry.noisy)
        rate = self._sample_rate or file_rate
        tags = dict(entry.tags)
        clean: Audio | None = None
        if entry.clean is not None:
            clean, clean_rate = self._read(entry.clean)
            self._check_pair(entry, (len(noisy), file_rate), (len(clean), clean_rate))
            if clean_rate != file_rate:
                tags["clean_resampled_from"] = clean_rate
            clean = audio.resample(clean, clean_rate, rate)
        noisy = audio.resample(noisy, file_rate, rate)
        if noisy.size == 0:
            raise UserError(f"{entry.noisy}: too short for a sample at {rate} Hz")
        if clean is not None:  # after resampling, lengths can differ by one sample
            clean = np.pad(clean[: noisy.size], (0, max(0, noisy.size - clean.size)))
        resampled_from = file_rate if file_rate != rate else None
        return Utterance(utterance, noisy, rate, clean, entry.transcript, tags, resampled_from)

    def _read(self, path: Path) -> tuple[Audio, int]:
        return audio.read(path, mixdown=self._mixdown, channel=self._channel)

    def _check_pair(self, entry: Entry, noisy: tuple[int, int], clean: tuple[int, int]) -> None:
        """Refuse a clean file that cannot belong to the same recording; both are (samples, rate)."""
        (length, rate), (clean_length, clean_rate) = noisy, clean
        if clean_rate != rate and self._sample_rate is None:
            raise UserError(
                f"{entry.clean}: {clean_rate} Hz, but {entry.noisy} has {rate} Hz; set sample_rate to resample both"
            )
        if clean_rate == rate and clean_length != length:
            raise UserError(f"{entry.clean}: {clean_length} samples, but {entry.noisy} has {length}")
        if abs(clean_length / clean_rate - length / rate) > 1 / min(rate, clean_rate):
            raise UserError(
                f"{entry.clean}: {clean_length / clean_rate:.4f} s, but {entry.noisy} has {length / rate:.4f} s"
            )

    def fingerprint(self) -> str:
        """SHA-256 over ids, every file's bytes, transcripts, tags, and the options that change the samples."""
        options = [self._sample_rate, self._mixdown, *([] if self._channel is None else [self._channel])]
        rows = [
            [name, digest(entry.noisy), digest(entry.clean), entry.transcript, sorted(entry.tags.items())]
            for name, entry in sorted(self._entries.items())
        ]
        return hashlib.sha256(json.dumps([options, rows]).encode()).hexdigest()


class Manifested(Dataset):
    """A dataset whose recordings are those of a CSV manifest, in ``self._recordings``."""

    _recordings: PairedFolder

    @property
    def name(self) -> str:
        return self._recordings.name

    def ids(self) -> list[str]:
        return self._recordings.ids()

    def tags(self, utterance: str) -> Mapping[str, Tag]:
        return self._recordings.tags(utterance)

    def load(self, utterance: str) -> Utterance:
        """Read one recording.

        Raises:
            UserError: no such utterance, or one of its files is missing or damaged.
        """
        return self._recordings.load(utterance)

    def fingerprint(self) -> str:
        """As a folder's: over ids, every file's bytes, transcripts and tags."""
        return self._recordings.fingerprint()
