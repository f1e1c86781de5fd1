"""A prepared dataset on disk.

dataset.json                 card, revision, parameters, identity; written last: with it the folder is complete
checksums.txt                SHA-256 of every other file
records.jsonl                what was made, a recording a line: an altered file can be made again alone
SPLIT/manifest.csv           id, noisy, clean, transcript, and a column for each tag, as ``paired_folder`` reads it
SPLIT/recipe.csv             what each recording was made of: files, positions, gains
SPLIT/noisy/, SPLIT/clean/   FLAC, 16 or 24 bits
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.core import audio
from bench.core.cache import cache_folder
from bench.core.errors import UserError
from bench.core.files import replacing, sha256
from bench.core.records import build, parse
from bench.core.types import Audio, Tag
from bench.datasets.corpora.card import Card
from bench.datasets.identity import Identity

ABOUT, CHECKSUMS, MANIFEST, RECIPE, RECORDS = (
    *("dataset.json", "checksums.txt", "manifest.csv", "recipe.csv"),
    "records.jsonl",
)
UNFINISHED = (".plan.json", ".done.jsonl")
"""What is there while a dataset is being prepared."""


@dataclass(frozen=True)
class About:
    """The content of ``dataset.json``.

    Attributes:
        parameters: options of the recipe, as they were asked for.
        partial: what is missing of the corpora, where that was accepted.
        splits: the identity of each split.
        speakers, hours: of each split, where they are known.
    """

    card: str
    revision: int
    parameters: Mapping[str, Any]
    versions: Mapping[str, str]
    splits: Mapping[str, Identity]
    partial: tuple[str, ...] = ()
    speakers: Mapping[str, int] = field(default_factory=dict)
    hours: Mapping[str, float] = field(default_factory=dict)


def home(name: str) -> Path:
    """Where the dataset lies if no folder is named."""
    return cache_folder("datasets") / name


def as_stored(samples: Audio, bits: int) -> Audio:
    """What reading gives of samples that were written with so many bits."""
    return np.asarray(audio.quantised(samples, bits) / 2 ** (bits - 1), dtype=np.float32)


def write_table(path: Path, rows: Sequence[Mapping[str, Tag | None]]) -> None:
    """Write rows as CSV under all columns that occur, in the order of their first occurrence.

    Raises:
        UserError: the file cannot be written.
    """
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([["" if row.get(column) is None else row[column] for column in columns] for row in rows])
    write_text(path, text.getvalue())


def write_about(folder: Path, about: About) -> None:
    """Write ``dataset.json``: the folder is complete."""
    write_text(folder / ABOUT, json.dumps(asdict(about), indent=1) + "\n")


def write_checksums(folder: Path, known: Mapping[str, str]) -> None:
    """Write the SHA-256 of every file but ``dataset.json``; ``known`` ones, by relative path, are not computed."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    listed = [path for path in paths if path not in (ABOUT, CHECKSUMS, *UNFINISHED, ".lock")]
    write_text(folder / CHECKSUMS, "".join(f"{known.get(path) or sha256(folder / path)}  {path}\n" for path in listed))


def read_about(folder: Path, card: Card) -> About:
    """What lies in ``folder``.

    Raises:
        UserError: nothing prepared, half of it, another dataset, or what another version of the recipe made; says what
            to do.
    """
    needed = [key for key in card.raw if key not in card.optional] or list(card.raw)[:1]
    command = f"bench data prepare {card.name} {' '.join(f'{key}=FOLDER' for key in needed)}".rstrip()
    path = folder / ABOUT
    if not folder.is_dir():
        raise UserError(f"{folder}: {card.name} is not prepared here: {command}; or say dir=FOLDER where it is")
    if not path.is_file():
        if any((folder / name).exists() for name in UNFINISHED):
            raise UserError(f"{folder}: the preparation of {card.name} has not finished; the same command continues it")
        raise UserError(f"{folder}: no prepared dataset (no {ABOUT}); prepare it: {command}")
    try:
        about: About = build(About, parse(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: damaged ({error}); prepare it again: {command}") from error
    if about.card != card.name:
        raise UserError(f"{folder}: holds {about.card}, not {card.name}; name another dir, or that dataset")
    if about.revision != card.revision:
        raise UserError(
            f"{folder}: made by revision {about.revision} of the recipe of {card.name}, which is {card.revision} now; "
            f"delete it and prepare it again: {command}"
        )
    return about


def verify(folder: Path, card: Card) -> list[str]:
    """Everything that is wrong with a prepared dataset, a line each.

    Raises:
        UserError: as ``read_about``.
    """
    read_about(folder, card)
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return [f"{folder / CHECKSUMS}: cannot be read ({error}); prepare the dataset again"]
    expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    wrong = [_wrong(folder / name, digest) for name, digest in expected.items()]
    return list(filter(None, wrong))


def _wrong(path: Path, digest: str) -> str:
    if not path.is_file():
        return f"{path}: missing; prepare the dataset again, which makes it alone"
    return (
        ""
        if sha256(path) == digest
        else f"{path}: altered; delete it and prepare the dataset again, which makes it alone"
    )


CHANGES_NO_COUNT = {"rate", "bits", "seed"}
"""Options of recipes on which it does not depend which recordings there are."""

TOLERANCE = 0.02
"""Share by which hours may differ from published ones, which are rounded."""


def miscounted(card: Card, about: About) -> list[str]:
    """Where recordings, speakers or hours are not as many as published, a line each; only of splits that are here.

    Nothing is published of a dataset that was prepared with options other than the card's.
    """
    own = {key: value for key, value in card.options.items() if key not in CHANGES_NO_COUNT}
    if any(key in about.parameters and about.parameters[key] != value for key, value in own.items()):
        return []
    recordings = {split: identity.recordings for split, identity in about.splits.items()}
    lines = []
    for what, counts in (("recordings", recordings), ("speakers", about.speakers), ("hours", about.hours)):
        for splits, published in card.expected[what].items():
            if not {*splits.split("+")} <= counts.keys():
                continue
            found = sum(counts[split] for split in splits.split("+"))
            if abs(found - published) > (TOLERANCE * published if what == "hours" else 0):
                shown = f"{found:.2f}" if what == "hours" else str(found)
                lines.append(f"{card.name}: {shown} {what} in {splits}, {published} are published ({card.counts_from})")
    return lines


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 atomically, with the same line ends everywhere."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode())
