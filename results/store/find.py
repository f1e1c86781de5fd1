"""Stored runs by their names."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from bench.core.errors import UserError, did_you_mean
from bench.core.remote import is_url
from results.store.folder import Busy, Store
from results.store.remote import Remote, names_of_runs, runs_folder, url_of


def bring(folder: Path, audio: bool = False) -> None:
    """Bring here what a run at a URL has, unless a process here is working on it."""
    remote = Remote.of(folder)
    if remote is None or not remote.exists():
        return
    with suppress(Busy), Store(folder) as store:
        store.pull()
    if audio:
        remote.bring_audio()


def find_run(run: str, runs_dir: Path, audio: bool = False) -> Path:
    """A run's folder. Its name goes before a folder of that name that happens to lie here.

    Args:
        run: its name, its folder, or its URL. What a URL has is brought to its folder here.
        audio: bring its audio too.

    Raises:
        UserError: there is no such folder; of a name, the nearest run in ``runs_dir`` is named.
    """
    if is_url(run):
        url, _, run = run.rstrip("/").rpartition("/")
        runs_dir = runs_folder(url)
    is_name = Path(run).name == run
    if is_name:
        bring(runs_dir / run, audio)
    places = [runs_dir / run, Path(run)] if is_name else [Path(run).expanduser()]
    folder = next((place for place in places if place.is_dir()), None)
    if folder is not None:
        return folder
    where = url_of(runs_dir) or runs_dir
    runs = [
        name for name in names_of_runs(runs_dir) if url_of(runs_dir) or (runs_dir / name / "manifest.json").is_file()
    ]
    if runs and is_name:
        raise did_you_mean(f"run in {where}", run, runs)
    raise UserError(f"{f'{where}/{run}' if is_name else places[0]}: no run is stored here")
