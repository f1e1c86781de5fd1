"""Clean speech of corpora, in their own layouts: by split, each recording by its id."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.core.errors import UserError
from bench.core.names import Names, examples, folded
from bench.datasets.corpora.raw import RawFile
from bench.datasets.files import text
from bench.datasets.mixed_folders import speech_in
from bench.datasets.recipes.mix import Spoken

Splits = Mapping[str, Mapping[str, Spoken]]

SPHERE_OR_WAVE = (".wv1", ".wav", ".flac", ".sph", ".nist")


def wsj0(folder: Path) -> Splits:
    """WSJ0 (LDC93S6A): si_tr_s trains, si_dt_05 validates, si_et_05 tests; on one or several discs, at any depth.

    Files are SPHERE (``011c0201.wv1``; the second microphone, ``.wv2``, is left out) or WAV of the same names.

    Raises:
        UserError: a part is missing.
    """
    parts = {"train": "si_tr_s", "valid": "si_dt_05", "test": "si_et_05"}
    found = {split: _parts(folder, part) for split, part in parts.items()}
    missing = [parts[split] for split, places in found.items() if not places]
    if missing:
        here = sorted({path.name for path in folder.rglob("s[id]_*") if path.is_dir()})
        raise UserError(
            f"{folder}: no folder {missing[0]} in it, at any depth; copy all discs of WSJ0 (LDC93S6A) into it "
            f"(there is: {examples(here, 6) or 'none of its parts'})"
        )
    return {
        split: {
            path.stem: Spoken(RawFile(path), tags={"speaker": path.stem[:3].lower()})
            for path in _sound(places, lambda path: path.stem)
        }
        for split, places in found.items()
    }


def timit(folder: Path, train: tuple[int, ...], valid: tuple[int, ...], test: tuple[int, ...]) -> Splits:
    """TIMIT (LDC93S1): ``TRAIN/DR1/FCJF0/SA1.WAV`` with ``SA1.TXT`` beside it, in any case.

    Args:
        train, valid, test: dialect regions; the first two of TRAIN, the last of TEST.

    Raises:
        UserError: TRAIN or TEST is missing.
    """
    wanted = {"train": ("train", train), "valid": ("train", valid), "test": ("test", test)}
    splits = {}
    for split, (part, regions) in wanted.items():
        folders = [inner for place in _parts(folder, part) for inner in place.iterdir() if inner.is_dir()]
        if not any(re.fullmatch(r"dr[1-8]", folded(inner.name)) for inner in folders):
            raise UserError(f"{folder}: no folder {part.upper()} with DR1 to DR8 in it; copy TIMIT (LDC93S1) into it")
        chosen = [inner for inner in folders if folded(inner.name) in {f"dr{region}" for region in regions}]
        splits[split] = {_place(path): _timit(path) for path in _sound(chosen, _place)}
    return splits


def _timit(path: Path) -> Spoken:
    speaker = folded(path.parent.name)
    return Spoken(RawFile(path), _prompt(path), {"speaker": speaker, "sex": speaker[0].upper()})


def ears(folder: Path) -> Splits:
    """EARS: ``p001/emo_anger_sentences.wav``; p100 and p101 validate, p102 to p107 test (Richter et al. 2024)."""
    held = {"valid": {"p100", "p101"}, "test": {f"p{number}" for number in range(102, 108)}}
    spoken, _ = speech_in(folder)
    others = {name: one for name, one in spoken.items() if name.split("/")[0] not in held["valid"] | held["test"]}
    return {"train": others} | {
        split: {name: one for name, one in spoken.items() if name.split("/")[0] in speakers}
        for split, speakers in held.items()
    }


def _parts(folder: Path, name: str) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_dir() and folded(path.name) == name)


def _sound(places: list[Path], key: Callable[[Path], str]) -> list[Path]:
    """The recordings in these folders, once each by ``key``: of two formats, SPHERE first."""
    found: dict[str, Path] = {}
    for place in places:
        for path in sorted(place.rglob("*")):
            if path.suffix.lower() in SPHERE_OR_WAVE and path.is_file() and not path.name.startswith("."):
                known = found.setdefault(key(path), path)
                if SPHERE_OR_WAVE.index(path.suffix.lower()) < SPHERE_OR_WAVE.index(known.suffix.lower()):
                    found[key(path)] = path
    return [found[name] for name in sorted(found)]


def _place(path: Path) -> str:
    """``dr1/fcjf0/sa1``, from the last folders; ``SA1.WAV.wav``, as some copies are named, is sa1 too."""
    region, speaker = path.parts[-3:-1]
    return folded(f"{region}/{speaker}/{path.name.split('.')[0]}")


def _prompt(path: Path) -> str | None:
    """The sentence: in the .TXT beside it, after the first and last sample."""
    stem = path.name.split(".")[0]
    beside = Names(entry.name for entry in path.parent.iterdir())
    name = beside.find(f"{stem}.txt")
    if name is None:
        return None
    words = re.sub(r"^\s*\d+\s+\d+\s+", "", text(path.parent / name))
    return " ".join(words.split())
