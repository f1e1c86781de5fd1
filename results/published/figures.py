"""Published figures, read from the YAML files beside this one: each with its table, system and precision."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bench.core.errors import did_you_mean
from bench.core.records import build

FOLDER = Path(__file__).resolve().parent
PER_FILE = "file"
"""Stands for a published value that is given per recording, in a CSV file."""

_COLUMNS = {"pesq": "PESQ_wb", "csig": "CSIG", "cbak": "CBAK", "covl": "COVL", "ssnr": "SSNR", "stoi": "STOI"}


@dataclass(frozen=True)
class Setting:
    """What was used, where a default here is another.

    Attributes:
        key: its path in a method's provenance; ``steps`` is N.
        ask: how to have the published one.
    """

    name: str
    key: str
    published: Any
    ask: str


@dataclass(frozen=True)
class Line:
    """A line of a published table.

    Attributes:
        method: its name in the registry of methods.
        label: the label, or the checkpoint's folder, by which it is known where the method alone does not tell.
        where: what its provenance must say.
        against: another method: the value is by how many per cent the first lies below it.
        networks: millions of parameters of each network, where that is known.
        get: how to have it.
        why: a known reason for a difference.
        scores: by metric, ``mean`` or ``mean ± standard deviation`` as printed.
        parameters: of a network in millions, as printed.
    """

    system: str
    method: str
    label: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)
    against: str = ""
    networks: float | None = None
    get: str = ""
    why: str = ""
    dataset: str = ""
    scores: Mapping[str, str] = field(default_factory=dict)
    parameters: str = ""


@dataclass(frozen=True)
class Table:
    """A published table; ``dataset`` is that of its lines which name none."""

    caption: str
    rows: tuple[Line, ...]
    dataset: str = ""


@dataclass(frozen=True)
class Published:
    """A publication: its source, settings and tables."""

    source: str
    url: str
    settings: tuple[Setting, ...]
    tables: Mapping[str, Table]
    per_file: str = ""


@dataclass(frozen=True)
class Figure:
    """One published number.

    Attributes:
        metric: a metric's name; ``parameters`` for the size of a network.
        value: NaN where it is given per recording.
        rounding: half a unit of the last printed digit.
        per_file: by recording, where it is given so.
    """

    table: str
    line: Line
    dataset: str
    metric: str
    value: float
    rounding: float
    per_file: Mapping[str, float] = field(default_factory=dict)


def names() -> list[str]:
    """The publications that are here."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@cache
def published(name: str) -> Published:
    """A publication by its name.

    Raises:
        UserError: there is none of that name.
    """
    if name not in names():
        raise did_you_mean("publication", name, names())
    data = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    found: Published = build(Published, data, name)
    return found


def figures(publication: Published) -> Iterator[Figure]:
    """Every number of a publication, in its order."""
    for table, content in publication.tables.items():
        for line in content.rows:
            dataset = line.dataset or content.dataset
            for metric, printed in line.scores.items():
                if printed == PER_FILE:
                    values = _per_file(publication.per_file, metric)
                    yield Figure(table, line, dataset, metric, math.nan, 0.005, values)
                else:
                    yield Figure(table, line, dataset, metric, *read(printed))
            if line.parameters:
                yield Figure(table, line, "", "parameters", *read(line.parameters))


def read(printed: str) -> tuple[float, float]:
    """The mean in ``2.53 ± 0.63`` and half a unit of its last digit."""
    mean = re.split("±", printed)[0].strip()
    decimals = len(mean.partition(".")[2])
    return float(mean), 0.5 * 10.0**-decimals


@cache
def _per_file(file: str, metric: str) -> Mapping[str, float]:
    with (FOLDER / file).open(encoding="utf-8", newline="") as lines:
        return {row["utt"]: float(row[_COLUMNS[metric]]) for row in csv.DictReader(lines)}
