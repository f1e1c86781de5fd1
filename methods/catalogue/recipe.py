"""Recipes for other people's systems: YAML files with the options of the method ``command``, and a card."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.core.errors import UserError, did_you_mean
from methods.names import METHODS

RECIPES = Path(__file__).with_name("recipes")

NEEDS = {
    "python": "the interpreter of the system's own environment",
    "folder": "its checkout",
    "checkpoint": "its weights",
}
"""What only the user knows, and what it is."""


@dataclass(frozen=True)
class Recipe:
    """One file.

    Attributes:
        name: the file's, without its suffix.
        folder: that the file lies in; ``{here}`` in its command line.
        options: of the method ``command``.
        needs: which of ``NEEDS`` the user must give.
        card: what should be known of the system: summary, paper, repository, licence (of code and weights), install
            (a line for a shell), weights, training (corpora), expected (published: data, scores, source).
    """

    name: str
    folder: Path
    options: Mapping[str, Any]
    needs: tuple[str, ...]
    card: Mapping[str, Any]

    def check(self, given: Mapping[str, Any]) -> None:
        """That everything it needs is given.

        Raises:
            UserError: something is missing; with the line that installs the system.
        """
        missing = [f"{need} ({NEEDS[need]})" for need in self.needs if not given.get(need)]
        if missing:
            install = f"; to install it: {self.card['install']}" if "install" in self.card else ""
            weights = f"; weights: {self.card['weights']}" if "weights" in self.card else ""
            raise UserError(f"recipe {self.name} needs {', '.join(missing)}{install}{weights}")

    def command_line(self, run: str, checkpoint: str | None) -> str:
        """``run`` with the paths that a recipe can name: ``{here}`` and ``{checkpoint}``."""
        try:
            words = shlex.split(run)
        except ValueError:  # command says what is wrong with it
            return run
        return shlex.join(
            word.replace("{here}", str(self.folder)).replace("{checkpoint}", checkpoint or "") for word in words
        )

    @property
    def common(self) -> dict[str, Any]:
        """Those of its options that every method takes."""
        return {name: value for name, value in self.options.items() if name in METHODS.common}

    def told(self) -> str:
        """The card, a line a fact."""
        facts = {name: value for name, value in self.card.items() if name not in ("summary", "expected")}
        lines = [f"{self.name}: {self.card.get('summary', '')}", f"    needs: {', '.join(self.needs) or 'nothing'}"]
        lines += [f"    {name}: {_text(value)}" for name, value in facts.items()]
        for expected in self.card.get("expected", ()):
            lines.append(f"    expected: {_text(expected['scores'])} on {expected['data']} ({expected['source']})")
        return "\n".join(lines)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value).strip()


def names() -> list[str]:
    """Every recipe's name."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def recipe(system: str) -> Recipe:
    """The recipe called ``system``, or the one in the YAML file of that path.

    Raises:
        UserError: there is none (the nearest name is given), or it is no recipe.
    """
    own = Path(system).expanduser()
    if own.suffix in (".yaml", ".yml"):
        if not own.is_file():
            raise UserError(f"recipe: {own}: no such file")
        return _read(own.absolute())
    if system not in names():
        raise did_you_mean("recipe", system, names())
    return _read(RECIPES / f"{system}.yaml")


def _read(path: Path) -> Recipe:
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a YAML file: {error}") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("run"), str):
        raise UserError(f"{path}: a recipe is a mapping with the key 'run', a command line, and options of command")
    card, needs = fields.pop("card", {}), fields.pop("needs", [])
    known = [*METHODS.annotations("command"), *METHODS.common]
    for key in fields:
        if key not in known:
            raise did_you_mean(f"key of the recipe {path}:", str(key), [*known, "card", "needs"])
    if not isinstance(card, dict):
        raise UserError(f"{path}: card must be a mapping: summary, paper, licence, ...")
    if not isinstance(needs, list) or not set(needs) <= NEEDS.keys():
        raise UserError(f"{path}: needs must be a list of {', '.join(NEEDS)}")
    if "{checkpoint}" in fields["run"] and "checkpoint" not in needs:
        needs = [*needs, "checkpoint"]
    return Recipe(path.stem, path.parent, fields, tuple(needs), card)
