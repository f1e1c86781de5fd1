"""Configurations that are chosen from files: ``bench train method=storm experiment=[table7_joint,small]``, by Hydra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from bench.conf.plugins import folders
from bench.core.errors import UserError, did_you_mean
from bench.core.files import Stamps, stamps

CONF = Path(__file__).parent

GROUPS = {"train": ("method", "network", "dataset", "experiment")}
"""The keys of a command whose values are names of files in the folder of that name."""


def of(job: str) -> tuple[str, ...]:
    """The keys of ``job`` that choose a file."""
    return GROUPS.get(job, ())


def text(job: str) -> str:
    """The job's defaults with their comments, as they stand in its file."""
    return (CONF / f"{job}.yaml").read_text(encoding="utf-8")


def choices(job: str, given: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The files chosen: by name, or for a method in a study by the name that its mapping has."""
    chosen = {}
    for key, value in given:
        if key in of(job) and not isinstance(value, Mapping):
            chosen[key] = value
        elif key in of(job) and value.get("name") in names(key):
            chosen[key] = value["name"]
    return chosen


def names(group: str) -> list[str]:
    """The files of a group, ours and those of other packages; of datasets also those that can be prepared."""
    found = files(group)
    return sorted(found - {PREPARED} | _to_prepare() if group == "dataset" else found)


def files(group: str) -> set[str]:
    """The names of a group's files."""
    return {path.stem for home in (CONF, *folders()) for path in (home / group).glob("*.yaml")}


PREPARED = "prepared"
"""The file that stands for every dataset that can be prepared and trained on."""


def _to_prepare() -> set[str]:
    from bench.datasets.corpora import card

    return {name for name in card.names() if card.card(name).trains}


def composed(job: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults of ``job`` with files chosen, interpolations left as they are.

    Raises:
        UserError: there is no such file.
    """
    for group, wanted in chosen.items():
        known = names(group)
        for name in wanted if isinstance(wanted, list) and group == "experiment" else [wanted]:
            if not isinstance(name, str):
                raise UserError(f"{group}: names one of {', '.join(sorted(known))}; got {name!r}")
            if name not in known and (group, name) != ("experiment", "null"):
                raise did_you_mean(group, name, known)
    data = chosen.get("dataset")
    prepared = data is not None and data not in files("dataset")
    files_of = {**chosen, "dataset": PREPARED} if prepared else chosen
    choices = [
        f"{key}={'[' + ','.join(names) + ']' if isinstance(names, list) else names}"
        for key, names in files_of.items()
        if names != "null"
    ]
    places = tuple(folders())
    there = stamps(path for home in (CONF, *places) for path in sorted(home.rglob("*.yaml")))
    tree = deepcopy(_by_hydra(job, tuple(choices), places, there))
    if prepared:
        tree["dataset"]["name"] = data
    return tree


@lru_cache(maxsize=32)
def _by_hydra(job: str, choices: tuple[str, ...], places: tuple[Path, ...], files: Stamps) -> dict[str, Any]:
    """What Hydra composes of the files as they are: a quarter of a second, and every validation of a training asks."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    elsewhere = ",".join(repr(f"file://{place}") for place in places)
    with initialize_config_dir(str(CONF), job_name=job, version_base="1.3"):
        tree = OmegaConf.to_container(compose(job, [f"hydra.searchpath=[{elsewhere}]", *choices]), resolve=False)
    assert isinstance(tree, dict)
    return {str(key): value for key, value in tree.items()}
