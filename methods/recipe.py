"""Other people's systems by name: the method ``command`` with the options of a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from methods.catalogue.recipe import recipe
from methods.command import Command
from methods.names import METHODS


class RecipeCommand(Command):
    """A public system in its own environment, as a recipe calls it: ``bench list recipes``.

    ``{name: recipe, system: cmgan, python: /envs/cmgan/bin/python, folder: /checkouts/CMGAN, checkpoint:
    src/best_ckpt/ckpt, label: cmgan}``. Every other option of ``command`` may be given, and goes before the recipe's.

    Args:
        system: a recipe's name, or the path of a YAML file of your own: options of ``command``, and ``card``.
        run: another command line than the recipe's; ``{here}`` in it is the folder of the recipe's file.
        python: the interpreter of the system's environment.
        folder: the system's checkout, where it is started.
        checkpoint: the system's weights; a path that is not absolute is taken from ``folder``, if it is there.

    Raises:
        UserError: an unknown system, something that the recipe needs and is not given, or as ``command``.
    """

    def __init__(
        self,
        system: str,
        run: str | None = None,
        python: str | None = None,
        folder: str | None = None,
        checkpoint: str | None = None,
        **options: Any,
    ) -> None:
        self._recipe = recipe(system)
        given = {"run": run, "python": python, "folder": folder, **options}
        chosen = {**self._recipe.options, **{name: value for name, value in given.items() if value is not None}}
        self._recipe.check({**chosen, "checkpoint": checkpoint})
        chosen["run"] = self._recipe.command_line(chosen["run"], _located(checkpoint, chosen.get("folder")))
        super().__init__(**{name: value for name, value in chosen.items() if name not in METHODS.common})
        self.set_common(**self._recipe.common)

    def provenance(self) -> dict[str, Any]:
        """The recipe's card and name, and what the command records."""
        return {**self._recipe.card, **super().provenance(), "recipe": self._recipe.name}


def _located(checkpoint: str | None, folder: str | None) -> str | None:
    if checkpoint is None:
        return None
    path = Path(checkpoint).expanduser()
    for found in (Path(folder or ".").expanduser() / path, path):
        if found.exists():
            return str(found.absolute())
    raise UserError(f"recipe: checkpoint: {checkpoint}: no such file, neither in folder nor here")
