"""EARS-WHAM and EARS-Reverb, versions 1 and 2: generated from EARS and WHAM!'s noise or measured rooms, or read where
ears_benchmark's scripts wrote them.

Version 2 takes noise and rooms of a split of their own, filters low frequencies out of the speech and leaves empty
pieces out. What is generated follows the scripts' steps (``bench.datasets.recipes.ears_mix``), not their draws, nor
their resampler: recordings are not theirs sample for sample.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bench.core import audio
from bench.core.errors import UserError
from bench.core.names import examples
from bench.core.seeds import stable_seed
from bench.core.types import Tag
from bench.datasets.corpora import layouts, responses
from bench.datasets.corpora.card import Card
from bench.datasets.corpora.jobs import Job, Plan, parameters
from bench.datasets.corpora.raw import RawFile
from bench.datasets.files import text
from bench.datasets.recipes.ears_mix import RATE, EarsMixer, Piece, Steps
from bench.datasets.recipes.mix import Source

VALID, TEST = ("p100", "p101"), ("p102", "p103", "p104", "p105", "p106", "p107")
HELD_OUT = ("interjection", "melodic", "nonverbal", "vegetative")
STYLE = re.compile(r"emo_([a-z]+)_|(?:rainbow|sentences)_\d+_([a-z]+)$")
SNR_LEVELS = 12
"""Of each style's test recordings, as many parts of the range of SNRs, one after the other: each style has all."""

CUTS = "test_files.json"
"""Which parts of which recordings test: by speaker and file, pairs of first and last sample."""


@dataclass(frozen=True)
class Options(Steps):
    """Of the recipe: the steps of a recording, and which recordings there are.

    Attributes:
        layout: noise of WHAM!, or rooms.
        version: 1 or 2 of the datasets.
        source_rate: of what was generated elsewhere, in Hz, if not ``rate``.
        shortest, piece: seconds; shorter recordings are left out, longer ones cut into pieces of ``piece``, the last
            of which may be as short as ``shortest``.
        longest: seconds of a test recording.
        arni: how many responses of ARNI are drawn.
        partial: accept that corpora of rooms are missing.
    """

    layout: Literal["ears_wham", "ears_reverb"] = "ears_wham"
    version: int = 1
    source_rate: int | None = None
    shortest: float = 4.0
    piece: float = 10.0
    longest: float = 29.0
    arni: int = 1000
    partial: bool = False
    bits: int = 24

    def steps(self) -> Steps:
        """What of these a recording depends on."""
        return Steps(**{field.name: getattr(self, field.name) for field in fields(Steps)})


def plan(card: Card, folders: Mapping[str, Path], options: Options) -> Plan:
    """Every recording that was generated, or every piece of EARS to be mixed.

    Raises:
        UserError: neither is there, or something of it is missing, of another version or rate.
    """
    if options.layout in folders:
        return layouts.plan(card, folders, _as_written(options))
    if "corpora" not in folders:
        raise UserError(
            f"{card.name} needs corpora=FOLDER ({card.raw['corpora']}), or {options.layout}=FOLDER "
            f"({card.raw[options.layout]}); {card.get}"
        )
    folder = folders["corpora"]
    sources, partial = _sources(folder, options)
    tables = [place / CUTS for place in (folders.get("scripts", folder), folder) if (place / CUTS).is_file()]
    pieces = {**_long_recordings(folder, options), **({"test": _tests(folder, tables[0], options)} if tables else {})}
    untested = f"no test recordings: {CUTS} of github.com/sp-uhh/ears_benchmark says which they are; scripts=FOLDER"
    notes = [*([] if tables else [untested]), *partial]
    kind: Literal["noise", "room"] = "noise" if options.layout == "ears_wham" else "room"
    jobs = [
        Job(split, name, mixer)
        for split, own in pieces.items()
        for mixer in (EarsMixer(kind, own, sources[split], options.steps()),)
        for name in own
    ]
    return Plan(card, jobs, {**parameters(options), "generated": True}, options.bits, notes, tuple(partial))


def _as_written(options: Options) -> layouts.Options:
    """What of the options there is to say of recordings that the scripts wrote."""
    layout, rate, version = options.layout, options.rate, options.version
    return layouts.Options(layout, rate, version, options.source_rate, bits=options.bits)


def _sources(folder: Path, options: Options) -> tuple[Mapping[str, list[Source]], list[str]]:
    """Noise recordings or rooms by split, and what is missing of them, where that is accepted."""
    if options.layout == "ears_wham":
        return _noises(folder / "WHAM48kHz" / "high_res_wham", options.version), []
    found, missing = responses.of_ears(folder, options.version == 2, options.arni, options.seed)
    if empty := [split for split, own in found.items() if not own]:
        raise UserError(f"{folder}: no room of the {empty[0]} split; missing there: {', '.join(missing)}")
    if missing and not options.partial:
        raise UserError(
            f"{folder}: no room of {', '.join(missing)} in it; ears_benchmark's download_ears_reverb.sh puts them "
            "there, or accept it: partial=true (it counts as another dataset)"
        )
    return found, [f"{folder}: without the rooms of {', '.join(missing)}"] * bool(missing)


def _noises(folder: Path, version: int) -> dict[str, list[Source]]:
    """WHAM!'s noise of high resolution: in version 1 all of it in every split, in version 2 by WHAM!'s own."""
    paths = {path.name: path for path in sorted((folder / "audio").glob("*.wav"))}
    if not paths:
        raise UserError(f"{folder / 'audio'}: no WHAM! noise in it; unpack high_res_wham.zip (wham.whisper.ai) there")
    if version == 1:
        return {split: _named(paths, paths) for split in ("train", "valid", "test")}
    table = folder / "high_res_metadata.csv"
    rows = list(csv.DictReader(text(table).splitlines()))
    if not rows or not {"Filename", "WHAM! Split"} <= rows[0].keys():
        raise UserError(f"{table}: without the columns 'Filename' and 'WHAM! Split'; unpack high_res_wham.zip again")
    if lost := [row["Filename"] for row in rows if row["Filename"] not in paths]:
        lacking = f"{len(lost)} of {len(rows)} files are missing ({examples(lost)})"
        raise UserError(f"{folder / 'audio'}: {lacking}; unpack high_res_wham.zip again")
    by_split = {
        split: [row["Filename"] for row in rows if row["WHAM! Split"].casefold() == split]
        for split in ("train", "valid", "test")
    }
    return {split: _named(paths, own) for split, own in by_split.items()}


def _named(paths: Mapping[str, Path], names: Any) -> list[Source]:
    return [Source(Path(name).stem, RawFile(paths[name])) for name in names]


def _speakers(folder: Path) -> list[Path]:
    """The speakers' folders of EARS.

    Raises:
        UserError: there are none, or some of those that validate and test are missing.
    """
    place = folder / "EARS"
    entries = sorted(place.iterdir()) if place.is_dir() else []
    found = [entry for entry in entries if entry.is_dir() and re.fullmatch(r"p\d{3}", entry.name)]
    packed = [entry.name for entry in entries if entry.suffix == ".zip"]
    lost = sorted({*VALID, *TEST} - {entry.name for entry in found})
    if lost:
        here = f"unpack {examples(packed)}" if packed else "github.com/facebookresearch/ears_dataset has them"
        raise UserError(f"{place}: the speakers {examples(lost)} are missing; {here}")
    return found


def _long_recordings(folder: Path, options: Options) -> dict[str, dict[str, Piece]]:
    """The pieces that train and validate, by split and id."""
    found: dict[str, dict[str, Piece]] = {"train": {}, "valid": {}}
    for speaker in _speakers(folder):
        split = "valid" if speaker.name in VALID else "train"
        for path in sorted(speaker.glob("*.wav")) if speaker.name not in TEST else ():
            if path.stem.partition("_")[0] in HELD_OUT:
                continue
            for number, (start, end) in enumerate(_parts(_samples(path), options)):
                found[split][f"{speaker.name}/{path.stem}_{number:02}"] = Piece(path, start, end, False, _tags(path))
    return found


def _samples(path: Path) -> int:
    samples, rate = audio.extent(path)
    if rate != RATE:
        raise UserError(f"{path}: {rate} Hz, where EARS has {RATE} Hz: a copy that was resampled; get the original")
    return samples


def _parts(samples: int, options: Options) -> Iterator[tuple[int, int]]:
    """Pieces of a recording, as the scripts cut it; the last one ends a sample early, as theirs does."""
    shortest, piece = round(options.shortest * RATE), round(options.piece * RATE)
    if samples < shortest:
        return
    count = 1 if samples < piece + shortest else (samples - shortest) // piece + 1
    edges = [number * piece for number in range(count)]
    yield from pairwise(edges)
    yield edges[-1], samples - 1 if count > 1 else samples


def _tests(folder: Path, table: Path, options: Options) -> dict[str, Piece]:
    """The test recordings, by id."""
    try:
        listed = {
            folder / "EARS" / speaker / f"{stem}.wav": [(int(start), int(end)) for start, end in cuts]
            for speaker, files in json.loads(text(table)).items()
            for stem, cuts in files.items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{table}: not ears_benchmark's list of test recordings ({error}); get it again") from error
    if lost := [f"{path.parent.name}/{path.name}" for path in listed if not path.is_file()]:
        raise UserError(f"{folder / 'EARS'}: {len(lost)} of {len(listed)} test files are missing ({examples(lost)})")
    found = {}
    for path, cuts in listed.items():
        for number, (start, end) in enumerate(cuts):
            end = _samples(path) - 1 if end == -1 else end
            if end - start <= options.longest * RATE:
                name = f"{path.parent.name}/{path.stem}_{number:02}"
                found[name] = Piece(path, start, end, True, _tags(path))
    return found if options.layout == "ears_reverb" else _with_levels(found, options)


def _with_levels(pieces: Mapping[str, Piece], options: Options) -> dict[str, Piece]:
    """Each with a part of the range of SNRs, so that a style has all of them alike; without a style: all of it."""
    lowest, highest = options.snr
    edges = np.linspace(lowest, highest, SNR_LEVELS + 1)
    order = np.random.default_rng(stable_seed("EARS-WHAM", options.seed)).permutation(len(pieces))
    count: dict[str, int] = {}
    made = dict(pieces)
    for name in np.array(list(pieces))[order]:
        if style := str(pieces[name].tags.get("style", "")):
            level = count[style] = count.get(style, -1) + 1
            low, high = edges[level % SNR_LEVELS :][:2]
            made[str(name)] = replace(pieces[name], snr=(float(low), float(high)))
    return made


def _tags(path: Path) -> dict[str, Tag]:
    found = STYLE.search(path.stem)
    style: dict[str, Tag] = {"style": found[1] or found[2]} if found else {}
    return {"speaker": path.parent.name, **style}
