"""Your own recordings: a folder with ``noisy/`` and, where there is a reference, ``clean/``; or a CSV manifest.

In a folder, files pair by their relative name without suffix, so that ``noisy/anna/01.wav`` belongs to
``clean/anna/01.flac`` and is the utterance ``anna/01``. ``transcripts.csv`` (columns ``id`` and
``transcript``) or ``transcripts.txt`` (an id, a space and the text on each line) beside them adds
transcripts.

A manifest is a CSV file with the columns ``id`` and ``noisy``, and optionally ``clean``, ``transcript``
and ``tags`` (``snr=5; noise=babble``); every further column is a tag. Its paths start at its own folder.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from bench.core import audio
from bench.core.errors import UserError, did_you_mean
from bench.core.types import Audio, Tag, Utterance
from bench.datasets.base import DATASETS, Dataset
from bench.datasets.files import checked_name, digest, table, transcripts_in


@dataclass(frozen=True)
class Entry:
    """Where one utterance lies. ``problem``: why its files cannot be a pair, found by their names alone."""

    noisy: Path | None
    clean: Path | None = None
    transcript: str | None = None
    tags: Mapping[str, Tag] = field(default_factory=dict)
    problem: str = ""


@DATASETS.register("paired_folder")
class PairedFolder(Dataset):
    """Recordings in a folder or manifest.

    Args:
        dir: the folder. One of ``dir`` and ``manifest`` is needed.
        manifest: the CSV file.
        noisy, clean: the sub-folders of ``dir``, if not called that. Without ``clean/`` the recordings
            have no reference, and metrics that need one are skipped.
        name: as it appears in tables; the folder's or manifest's own name by default.
        sample_rate: resample everything to this rate in Hz; None keeps each recording's own.
        mixdown: average the channels of multi-channel files, which are refused otherwise.
        limit: keep only the first so many utterances.

    A pair must agree in length, and in rate unless ``sample_rate`` is given. A recording whose
    counterpart is missing stays in ``ids()`` and fails in ``load``: nothing is dropped silently.

    Raises:
        UserError: no such folder or file, no recording or no pair in it, names or manifest ambiguous.
    """

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
    ) -> None:
        if (dir is None) == (manifest is None):
            raise UserError(
                "paired_folder needs either 'dir' (a folder with noisy/ and clean/) or 'manifest' (a CSV file)"
            )
        for option, value in (("sample_rate", sample_rate), ("limit", limit)):
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise UserError(f"paired_folder: {option} must be a whole number above 0, got {value!r}")
        if dir is not None:
            source = Path(dir).expanduser()
            entries = _from_folder(source, noisy, clean)
        else:
            assert manifest is not None
            if noisy or clean:
                raise UserError("paired_folder: a manifest names its own files; drop the options 'noisy' and 'clean'")
            source = Path(manifest).expanduser()
            entries = _from_manifest(source)
        self._entries = dict(list(entries.items())[:limit])
        self._name = checked_name("paired_folder", name) if name is not None else _name_of(source)
        self._sample_rate = sample_rate
        self._mixdown = mixdown

    @property
    def name(self) -> str:
        return self._name

    def ids(self) -> list[str]:
        return list(self._entries)

    def load(self, utterance: str) -> Utterance:
        entry = self._entries.get(utterance)
        if entry is None:
            raise did_you_mean(f"utterance of '{self.name}'", utterance, self._entries)
        if entry.noisy is None or entry.problem:
            raise UserError(entry.problem)
        noisy, file_rate = audio.read(entry.noisy, mixdown=self._mixdown)
        rate = self._sample_rate or file_rate
        tags = dict(entry.tags)
        clean: Audio | None = None
        if entry.clean is not None:
            clean, clean_rate = audio.read(entry.clean, mixdown=self._mixdown)
            self._check_pair(entry, (len(noisy), file_rate), (len(clean), clean_rate))
            if clean_rate != file_rate:
                tags["clean_resampled_from"] = clean_rate
            clean = audio.resample(clean, clean_rate, rate)
        noisy = audio.resample(noisy, file_rate, rate)
        if noisy.size == 0:
            raise UserError(f"{entry.noisy}: too short for a sample at {rate} Hz")
        if clean is not None:  # other rates round to lengths a sample apart
            clean = np.pad(clean[: noisy.size], (0, max(0, noisy.size - clean.size)))
        resampled_from = file_rate if file_rate != rate else None
        return Utterance(utterance, noisy, rate, clean, entry.transcript, tags, resampled_from)

    def _check_pair(self, entry: Entry, noisy: tuple[int, int], clean: tuple[int, int]) -> None:
        """Refuse a clean file that cannot be of the same recording; each is (samples, rate)."""
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
        options = [self._sample_rate, self._mixdown]
        rows = [
            [name, digest(entry.noisy), digest(entry.clean), entry.transcript, sorted(entry.tags.items())]
            for name, entry in sorted(self._entries.items())
        ]
        return hashlib.sha256(json.dumps([options, rows]).encode()).hexdigest()


def _from_folder(folder: Path, noisy: str | None, clean: str | None) -> dict[str, Entry]:
    if not folder.is_dir():
        problem = "not a folder; for a CSV file use 'manifest'" if folder.exists() else "no such folder"
        raise UserError(f"{folder}: {problem}")
    noisy_folder, clean_folder = folder / (noisy or "noisy"), folder / (clean or "clean")
    if noisy is None and not noisy_folder.is_dir():
        raise UserError(f"{folder}: no folder noisy/ in it; set the option 'noisy' if yours has another name")
    noisy_files = audio.files(noisy_folder)
    if not noisy_files:
        raise UserError(f"{noisy_folder}: no WAV or FLAC file in it")
    has_clean = clean is not None or clean_folder.exists()
    clean_files = audio.files(clean_folder) if has_clean else {}
    if has_clean and not noisy_files.keys() & clean_files.keys():
        raise UserError(f"{clean_folder}: no file in it has the name of one in {noisy_folder}")
    transcripts = transcripts_in(folder)
    entries = {}
    for name in sorted(noisy_files.keys() | clean_files.keys()):
        entry = Entry(noisy_files.get(name), clean_files.get(name), transcripts.get(name))
        if entry.noisy is None:
            entry = Entry(None, problem=f"{entry.clean}: no noisy recording of that name in {noisy_folder}")
        elif has_clean and entry.clean is None:
            entry = Entry(entry.noisy, problem=f"{entry.noisy}: no clean file of that name in {clean_folder}")
        entries[name] = entry
    return entries


def _from_manifest(manifest: Path) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for line, row in table(manifest, ("id", "noisy")):
        name, noisy, clean, transcript = (row.pop(key, "") for key in ("id", "noisy", "clean", "transcript"))
        where = f"{manifest}, line {line}"
        if not name or not noisy:
            raise UserError(f"{where}: 'id' and 'noisy' must not be empty")
        if not _is_relative(name):
            raise UserError(f"{where}: '{name}' cannot be an id; use a relative name such as 'speaker/sentence'")
        if name in entries:
            raise UserError(f"{where}: the id '{name}' is there twice")
        entries[name] = Entry(
            manifest.parent / noisy, manifest.parent / clean if clean else None, transcript or None, _tags(row, where)
        )
    if not entries:
        raise UserError(f"{manifest}: no recording in it")
    if not any(entry.noisy and entry.noisy.exists() for entry in entries.values()):
        raise UserError(f"{manifest}: none of its noisy files exists; paths start at the manifest's own folder")
    return entries


def _is_relative(name: str) -> bool:
    """Whether results can be stored under ``name``: "a/b", but not "/a", "../a", "a//b" or a drive's."""
    path = PurePosixPath(name)
    return str(path) == name and not path.is_absolute() and not {".", ".."} & {*path.parts, name} and "\\" not in name


def _tags(row: Mapping[str, str], where: str) -> dict[str, Tag]:
    """Every further column, and the pairs of the column ``tags``; empty cells are no tags."""
    tags = {key: _tag(text) for key, text in row.items() if key != "tags" and text}
    for pair in filter(None, (part.strip() for part in row.get("tags", "").split(";"))):
        key, equals, text = (part.strip() for part in pair.partition("="))
        if not (key and equals and text):
            raise UserError(f"{where}: tags are written 'snr=5; noise=babble', got '{pair}'")
        tags[key] = _tag(text)
    return tags


def _tag(text: str) -> Tag:
    """A number where the text is exactly one in JSON: "007" and "nan" stay text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if type(value) is int or (type(value) is float and math.isfinite(value)) else text


def _name_of(source: Path) -> str:
    name = source.stem if source.is_file() else source.resolve().name
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.") or "paired_folder"
