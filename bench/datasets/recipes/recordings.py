"""The user's folders of speech, noise and room responses, and their split into training and validation.

Training and validation share no speaker, no noise recording and no room. Speakers, recordings and rooms are identified
by the names of files and folders, over all folders of a kind together: a speaker who is in two of them is in one split.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from bench.core import audio
from bench.core.folders import recordings_in
from bench.core.seeds import stable_seed
from bench.core.types import Audio
from bench.datasets.files import table
from bench.datasets.leaks.prints import response_print, sound_print
from bench.datasets.leaks.sources import Kind, Source
from bench.datasets.recipes import mixing

Split = Literal["train", "valid"]
Folders = Sequence[str | Path]
Owner = Callable[[Path], str]
"""From a file's path below its folder to the speaker, recording or room it belongs to."""

VALID_SHARE = 0.1
"""The share of the speakers, noise recordings and rooms that is held out for validation."""

LONGEST = 20.0
"""Maximum duration of speech in seconds; of a longer recording a random segment is read."""


def speaker(path: Path) -> str:
    """The speaker: the folder directly below the given one (LibriSpeech, VCTK); in a flat folder the beginning of the
    file name up to its first ``-`` or ``_`` (``p226_001.wav`` is by p226).
    """
    return path.parts[0] if len(path.parts) > 1 else re.split(r"[-_]", path.stem, maxsplit=1)[0]


def noise_recording(path: Path) -> str:
    """The noise recording: the file name; names that differ only in a last letter or number are one recording."""
    return re.sub(r"[-_]([A-Za-z]|\d{1,3})$", "", path.stem)


def room(path: Path) -> str:
    """The room: the folder directly below the given one; in a flat folder the file name without last letters and
    numbers (``office-2_3.wav`` and ``office-1_7.wav`` are of one room).
    """
    return path.parts[0] if len(path.parts) > 1 else re.sub(r"([-_]?\d+|[-_][A-Za-z])+$", "", path.stem) or path.stem


def files(folders: Folders, split: Split, owner: Owner) -> list[Path]:
    """The recordings of ``split`` in ``folders``, read recursively.

    With a single owner nothing can be held out: everything is for training.

    Raises:
        UserError: a folder is missing or holds no audio, or a file's header cannot be read.
    """
    found = [(path, owner(path.relative_to(root))) for root in _roots(folders) for path in _audio_in(root)]
    owners = sorted({name for _, name in found})
    # The owners with the smallest hashes: a new file changes the split of at most one owner.
    kept = sorted(owners, key=lambda name: stable_seed("valid", name))[: max(1, round(VALID_SHARE * len(owners)))]
    valid = set(kept) if len(owners) > 1 else set()
    chosen = [path for path, name in found if (name in valid) == (split == "valid")]
    for path in chosen:
        audio.extent(path)
    return chosen


def read_speech(path: Path, rng: np.random.Generator, rate: int) -> Audio:
    """A recording at ``rate`` Hz, or a random ``LONGEST`` seconds of a longer one."""
    length, own = audio.extent(path)
    most = round(LONGEST * own)
    if length <= most:
        return _at(rate, *audio.read(path, mixdown=True))
    return _at(rate, *audio.read(path, mixdown=True, start=int(rng.integers(length - most + 1)), samples=most))


def read_noise(path: Path, rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """``samples`` at ``rate`` Hz from a random position of a recording, which is looped if it is shorter."""
    length, own = audio.extent(path)
    needed = -(-samples * own // rate)
    if length <= needed:
        return mixing.fit_noise(rng, _at(rate, *audio.read(path, mixdown=True)), samples)
    start = int(rng.integers(length - needed + 1))
    return _at(rate, *audio.read(path, mixdown=True, start=start, samples=needed))[:samples]


def read_response(path: Path, rate: int) -> Audio:
    """The first channel of a room impulse response at ``rate`` Hz."""
    return _at(rate, *audio.read(path, channel=0))


def source(kind: Kind, path: Path, folders: Folders, owner: Owner) -> Source:
    """A recording of ``folders`` as it is looked for in test sets: its name there, its owner, its print."""
    root = next(root for root in _roots(folders) if path.is_relative_to(root))
    name = path.relative_to(root)
    if kind == "room":
        return Source(kind, name.as_posix(), owner(name), response_print(*audio.read(path, channel=0)))
    return Source(kind, name.as_posix(), owner(name), sound_print(*audio.read(path, mixdown=True)))


def about(kind: str, folders: Folders, owner: Owner) -> str:
    """The content of ``folders`` in a line: numbers of files and owners, and corpora with their licences if stated.

    Licences are read from ``files.csv`` (columns path, licence, and optionally corpus), else from ``SOURCES.md`` or
    ``LICENSE``, in the folder or its parent.
    """
    described = []
    for root in _roots(folders):
        found = _audio_in(root)
        owners = len({owner(path.relative_to(root)) for path in found})
        described.append(f"{len(found)} files of {owners} {kind} in {root.name}/ ({_licences(root, found)})")
    return "; ".join(described)


_TABLE, _TEXTS = (
    "files.csv",
    ("SOURCES.md", "LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "LICENCE.txt", "COPYING"),
)


def notes(folders: Folders) -> list[str]:
    """A line for each of the folders with files that are not read."""
    return [note for root in _roots(folders) for note in recordings_in(root).notes(used=(_TABLE, *_TEXTS))]


def _licences(root: Path, found: Sequence[Path]) -> str:
    for folder in (root, root.parent):
        listed = folder / _TABLE
        if listed.is_file() and (stated := _from_table(listed, {str(path.relative_to(folder)) for path in found})):
            return stated
    for folder in (root, root.parent):
        for name in _TEXTS:
            if (folder / name).is_file():
                lines = (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
                first = next((line.strip(" #*") for line in lines if line.strip(" #*")), "")
                return f"see its {name}: {first}"
    return "no licence stated beside it"


def _from_table(path: Path, found: set[str]) -> str:
    """``corpus n files, licence; ...`` of the files found, the largest first; empty if the table has none of them."""
    rows = [row for _, row in table(path, ()) if row.get("path") in found]
    groups = Counter((row.get("corpus") or "", row.get("licence") or row.get("license") or "") for row in rows)
    told = [f"{corpus} {count} files, {licence or 'not stated'}" for (corpus, licence), count in groups.most_common()]
    missing = len(found) - len(rows)
    return "; ".join([line.strip() for line in told] + ([f"{missing} files, not stated"] if rows and missing else []))


def _roots(folders: Folders) -> list[Path]:
    return [Path(folder).expanduser() for folder in folders]


def _audio_in(root: Path) -> list[Path]:
    return list(recordings_in(root).required().files.values())


def _at(rate: int, samples: Audio, own: int) -> Audio:
    return audio.resample(samples, own, rate)
