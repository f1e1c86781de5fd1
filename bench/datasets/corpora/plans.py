"""From a card, the user's folders and options to a plan; a recipe is a function, its options a dataclass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.core.errors import UserError, did_you_mean
from bench.core.records import Misfit, build
from bench.datasets.corpora import raw
from bench.datasets.corpora.card import Card
from bench.datasets.corpora.jobs import Plan

RECIPES = {
    "voicebank": "bench.datasets.corpora.voicebank",
    "ears": "bench.datasets.corpora.ears",
    "layout": "bench.datasets.corpora.layouts",
    "mixture": "bench.datasets.corpora.mixtures",
}
"""A module each, with the dataclass ``Options`` and ``plan(card, folders, options) -> Plan``."""

SPLITS = "splits"
"""The key for splits to prepare; by default all that the folders have."""

Folders = Mapping[str, Path]


def plan(card: Card, given: Mapping[str, Any], beside: Iterable[str] = ()) -> Plan:
    """The plan of preparing ``card``.

    Args:
        given: its raw folders and options of its recipe, by name.
        beside: other keys of the command, which the message about an unknown one names too.

    Raises:
        UserError: a name or value does not fit, or a folder is not what it is taken for.
    """
    recipe = import_module(RECIPES[card.recipe])
    known = [field.name for field in fields(recipe.Options)]
    for name in given:
        if name not in (*card.raw, *known, SPLITS):
            raise did_you_mean(f"key of {card.name}", name, {*card.raw, *known, SPLITS, *beside})
    missing = [key for key in card.raw if key not in given and key not in card.optional]
    if missing:
        raise UserError(f"{card.name} needs {missing[0]}=FOLDER ({card.raw[missing[0]]}); {card.get}")
    folders = {key: raw.root(str(given[key]), key, card.get) for key in card.raw if key in given}
    options = _options(card, recipe.Options, {name: value for name, value in given.items() if name in known})
    made: Plan = recipe.plan(card, folders, options)
    made = made.only(given[SPLITS]) if given.get(SPLITS) else made
    if not made.jobs:
        raise UserError(f"{card.name}: no recording in {', '.join(map(str, folders.values()))}; {card.get}")
    return made


def _options(card: Card, kind: type, given: Mapping[str, Any]) -> Any:
    values = {**card.options, **given}
    try:
        return build(kind, {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()})
    except Misfit as error:
        raise UserError(f"{card.name}: {error}") from error
