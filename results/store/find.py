"""Stored runs by their names."""

from __future__ import annotations

from pathlib import Path

from bench.core.errors import UserError, did_you_mean


def find_run(run: str, runs_dir: Path) -> Path:
    """A run's folder. Its name goes before a folder of that name that happens to lie here.

    Raises:
        UserError: there is no such folder; of a name, the nearest run in ``runs_dir`` is named.
    """
    is_name = Path(run).name == run
    places = [runs_dir / run, Path(run)] if is_name else [Path(run).expanduser()]
    folder = next((place for place in places if place.is_dir()), None)
    if folder is not None:
        return folder
    runs = [path.parent.name for path in runs_dir.glob("*/manifest.json")]
    if runs and is_name:
        raise did_you_mean(f"run in {runs_dir}", run, runs)
    raise UserError(f"{places[0]}: no run is stored here")
