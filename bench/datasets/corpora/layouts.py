"""Test sets that hold their recordings in pairs, or noisy alone, in their own layouts and names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.core.errors import UserError
from bench.core.names import examples
from bench.core.types import Tag
from bench.datasets.corpora import raw
from bench.datasets.corpora.card import Card
from bench.datasets.corpora.jobs import Job, Plan, parameters
from bench.datasets.corpora.pairs import Pair
from bench.datasets.corpora.raw import RawFile
from bench.datasets.files import text


@dataclass(frozen=True)
class Options:
    """Of the recipe.

    Attributes:
        layout: whose names and folders.
        rate: of what is stored in Hz, and of the files unless ``source_rate`` says another.
        version: of EARS-WHAM and EARS-Reverb.
        source_rate: of the files in Hz.
        channel: the one to take of files with several.
        length: of WHAM! and LibriMix: mixtures as long as the shorter or the longer of their speakers.
    """

    layout: Literal["dns", "ears_wham", "ears_reverb", "single_mix", "udase"]
    rate: int = 16000
    version: int | None = None
    source_rate: int | None = None
    channel: int | None = None
    bits: int = 16
    length: Literal["min", "max"] = "min"


@dataclass(frozen=True)
class Found:
    """A recording where it lies."""

    split: str
    id: str
    noisy: RawFile
    clean: RawFile | None
    tags: Mapping[str, Tag]


def plan(card: Card, folders: Mapping[str, Path], options: Options) -> Plan:
    """Every recording of the layout's parts that are there.

    Raises:
        UserError: none is, or they are of another version or rate.
    """
    folder = folders[next(iter(card.raw))]
    found = list(LAYOUTS[options.layout](folder, options))
    if not found:
        here = [entry.name for entry in sorted(folder.iterdir())]
        raise UserError(f"{folder}: no recording of {card.name} in it (there is: {examples(here, 5)}); {card.get}")
    raw.check_rate(found[0].noisy, options.rate, options.source_rate)
    jobs = [
        Job(one.split, one.id, Pair(one.noisy, one.clean, options.rate, tags=one.tags, channel=options.channel))
        for one in sorted(found, key=lambda one: (one.split, one.id))
    ]
    return Plan(card, jobs, parameters(options), options.bits)


def _waves(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.wav") if not path.name.startswith("."))


def dns(folder: Path, options: Options) -> Iterator[Found]:
    """DNS Challenge 2020: ``test_set/synthetic/no_reverb/{noisy,clean}`` and so on, paired by their fileid.

    Noisy: ``clnsp1_train_69005_1_snr15_tl-21_fileid_158.wav``; clean: ``clean_fileid_158.wav``. Real recordings, in
    ``real_recordings`` or a blind test set, have no reference.
    """
    for split in ("no_reverb", "with_reverb"):
        for place in sorted(folder.rglob(split)):
            clean = {_fileid(path): path for path in _waves(place / "clean")}
            for path in _waves(place / "noisy"):
                number = _fileid(path)
                if number not in clean:
                    raise UserError(f"{path}: no clean file with fileid {number} in {place / 'clean'}; unpack it again")
                drawn = re.search(r"_snr(-?\d+)_tl(-?\d+)_", path.name)
                tags: dict[str, Tag] = {"snr": int(drawn[1]), "level": int(drawn[2])} if drawn else {}
                yield Found(split, f"fileid_{number}", RawFile(path), RawFile(clean[number]), tags)
    for split in ("real_recordings", "blind_test_set"):
        for place in sorted(path for path in folder.rglob(split) if path.is_dir()):
            for path in _waves(place):
                yield Found(split, path.relative_to(place).with_suffix("").as_posix(), RawFile(path), None, {})


def _fileid(path: Path) -> str:
    found = re.search(r"fileid_(\d+)", path.name)
    if found is None:
        raise UserError(f"{path}: no 'fileid_' and number in its name, as the DNS Challenge's files have")
    return found[1]


def ears(folder: Path, options: Options, noisy: str, tag: str) -> Iterator[Found]:
    """What ears_benchmark's scripts write: ``test/noisy/p102/00000_3.4dB.wav`` with ``test/clean/p102/00000.wav``."""
    _check_version(folder, options)
    for split in ("train", "valid", "test"):
        for path in _waves(folder / split / noisy):
            number, _, drawn = path.stem.partition("_")
            speaker = path.parent.name
            clean = folder / split / "clean" / speaker / f"{number}.wav"
            if not clean.is_file():
                raise UserError(f"{clean}: missing; generate the dataset with copy_clean, or link EARS-WHAM's clean/")
            tags: dict[str, Tag] = {"speaker": speaker, tag: float(drawn.removesuffix("dB"))}
            yield Found(split, f"{speaker}/{number}", RawFile(path), RawFile(clean), tags)


TEST_ROOMS = "ACE-Challenge"
"""Version 2 of EARS-Reverb tests with the rooms of this corpus alone, version 1 with those of all (their scripts)."""


def _check_version(folder: Path, options: Options) -> None:
    """That the folder is of the version asked for: by EARS-Reverb's rooms, else by its name."""
    table = folder / "test.csv"
    version = 2 if "_v2" in folder.resolve().name else 1
    if options.layout == "ears_reverb" and table.is_file():
        lines = (line.split(",") for line in text(table).splitlines()[1:])
        rooms = [cells[5] for cells in lines if len(cells) > 5]
        version = 2 if rooms and all(TEST_ROOMS in room for room in rooms) else 1
    if options.version is not None and version != options.version:
        raise UserError(
            f"{folder}: version {version} of this dataset, where version {options.version} is asked for; say "
            f"version={version} (scores of the two cannot be compared), or name the other folder"
        )


def single_mix(folder: Path, options: Options) -> Iterator[Found]:
    """WHAM! and LibriMix: ``wav16k/min/tt/mix_single`` with ``s1`` beside it, at any depth.

    Raises:
        UserError: a mixture has no source of its name.
    """
    names = {"tr": "train", "cv": "valid", "tt": "test", "dev": "valid"}
    part = {16000: "wav16k", 8000: "wav8k"}.get(options.source_rate or options.rate, "")
    places = [place for place in sorted(folder.rglob("mix_single")) if part in place.parts]
    lengths = {place.parent.parent.name for place in places}
    if places and options.length not in lengths:
        raise UserError(f"{folder}: no {options.length} in its {part}, but {examples(sorted(lengths))}: say length=max")
    for place in (place for place in places if place.parent.parent.name == options.length):
        split = names.get(place.parent.name, place.parent.name.partition("-")[0])
        for path in _waves(place):
            clean = place.parent / "s1" / path.name
            if not clean.is_file():
                raise UserError(f"{clean}: missing, the speech of {path}; generate the dataset again")
            yield Found(split, path.stem, RawFile(path), RawFile(clean), {"length": place.parent.parent.name})


def udase(folder: Path, options: Options) -> Iterator[Found]:
    """CHiME-7 UDASE: ``eval/1/...wav`` by the most speakers at once, and ``eval/listening_test``; no reference."""
    for split, name in (("valid", "dev"), ("test", "eval")):
        for place in sorted(path for path in folder.rglob(name) if path.is_dir()):
            for path in _waves(place):
                part = path.relative_to(place).parts[0]
                tags: dict[str, Tag] = {"speakers": int(part)} if part.isdigit() else {}
                where = "listening_test" if part == "listening_test" else split
                yield Found(where, path.relative_to(place).with_suffix("").as_posix(), RawFile(path), None, tags)


LAYOUTS: Mapping[str, Callable[[Path, Options], Iterator[Found]]] = {
    "dns": dns,
    "ears_wham": lambda folder, options: ears(folder, options, "noisy", "snr"),
    "ears_reverb": lambda folder, options: ears(folder, options, "reverberant", "t60"),
    "single_mix": single_mix,
    "udase": udase,
}
