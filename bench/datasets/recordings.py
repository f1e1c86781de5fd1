"""A user's own folders of speech and noise, split so that training and validation share no speaker and no recording."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from bench.core import audio
from bench.core.errors import UserError
from bench.core.seeds import stable_seed

VALID_SHARE = 0.1
"""Of the speakers, and of the noise recordings, that validation keeps for itself."""


def speech_files(folders: Sequence[str | Path], split: Literal["train", "valid"]) -> list[Path]:
    """Speech of the speakers of ``split``.

    A speaker is a folder directly below the one named (LibriSpeech, VCTK); in a flat folder it is what
    the file name begins with, up to its first ``-`` or ``_`` (``p226_001.wav`` is by p226).

    Raises:
        UserError: a folder holds no audio.
    """
    return _split(folders, split, lambda path: path.parts[0] if len(path.parts) > 1 else _head(path))


def noise_files(folders: Sequence[str | Path], split: Literal["train", "valid"]) -> list[Path]:
    """Noise recordings of ``split``; files that differ only in a last letter or number are pieces of one recording.

    Raises:
        UserError: a folder holds no audio.
    """
    return _split(folders, split, lambda path: re.sub(r"[-_]([A-Za-z]|\d{1,3})$", "", path.stem))


def _head(path: Path) -> str:
    return re.split(r"[-_]", path.stem, maxsplit=1)[0]


def _split(folders: Sequence[str | Path], split: Literal["train", "valid"], owner: Callable[[Path], str]) -> list[Path]:
    chosen: list[Path] = []
    for folder in folders:
        root = Path(folder).expanduser()
        found = list(audio.files(root).values())
        if not found:
            raise UserError(f"{folder}: no WAV or FLAC file in this folder")
        owners = sorted({owner(path.relative_to(root)) for path in found})
        # The owners with the smallest hashes: a new file changes at most one owner's side.
        kept = sorted(owners, key=lambda name: stable_seed("valid", name))[: max(1, round(VALID_SHARE * len(owners)))]
        valid = set(kept) if len(owners) > 1 else set()
        chosen += [path for path in found if (owner(path.relative_to(root)) in valid) == (split == "valid")]
    return chosen
