"""What a method under development is compared with: a stored run, of which nothing is computed again.

``bench run method=mine baseline=RUN`` takes the run's datasets, metrics, steps and seeds where none are given, and of
its datasets the recordings that it holds. Every such call is a run of its own, ``mine-1``, ``mine-2``, ...: what was
stored before an edit says nothing of the code after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.conf.values import settled
from bench.core import tables
from bench.core.errors import UserError
from bench.core.names import label
from results.store.find import find_run
from results.store.folder import Store
from results.store.merge import Stored
from results.store.remote import names_of_runs
from results.store.rows import Key

if TYPE_CHECKING:
    from results.tables.compared import Compared

SUPPLIED = ("datasets", "metrics", "steps", "seeds")
"""The keys of a run that a baseline answers where they are not given."""


@dataclass(frozen=True)
class Baseline:
    """A stored run as ``bench run`` needs it.

    Attributes:
        name: as it was asked for.
        folder: where it lies.
        manifest: what it was made of.
        keys: of its rows.
    """

    name: str
    folder: Path
    manifest: Mapping[str, Any]
    keys: frozenset[Key]

    @staticmethod
    def read(name: str, runs_dir: Path) -> Baseline:
        """The run with this name, or in this folder.

        Raises:
            UserError: there is none, or nothing is stored in it.
        """
        folder = find_run(name, runs_dir)
        store = Store(folder)
        manifest, keys = store.read_manifest(), frozenset(store.standings())
        if manifest is None or not keys:
            raise UserError(f"baseline: no rows are stored in {folder}; bench run run={folder.name} computes them")
        return Baseline(name, folder, manifest, keys)

    @property
    def held(self) -> dict[str, set[str]]:
        """The ids of its recordings, by dataset."""
        found: dict[str, set[str]] = {}
        for key in self.keys:
            found.setdefault(key.dataset, set()).add(key.utterance)
        return found

    def supplied(self) -> dict[str, Any]:
        """What it was computed with, as keys of a run (``SUPPLIED``); none of steps or seeds where it took none."""
        held = self.held
        found: dict[str, Any] = {
            kind: [_entry(own, part) for own, part in self.manifest[kind].items() if kind != "datasets" or own in held]
            for kind in ("datasets", "metrics")
        }
        found["steps"] = sorted({key.steps for key in self.keys if key.steps is not None})
        found["seeds"] = sorted({key.seed for key in self.keys if key.seed is not None})
        return {kind: values for kind, values in found.items() if values}

    def check(self, folder: Path, fingerprints: Mapping[str, str]) -> None:
        """That a run in ``folder`` on datasets with these fingerprints, by label, can be compared with it.

        Raises:
            UserError: it cannot; the line says why.
        """
        if folder.resolve() == self.folder.resolve():
            raise UserError(f"baseline={self.name} is the run itself; name another, or give this one run=NAME")
        for own, fingerprint in fingerprints.items():
            if own not in self.held:
                raise UserError(
                    f"datasets: '{own}' is not in the baseline {self.name}, which has {', '.join(self.held)}"
                )
            if fingerprint != self.manifest["datasets"][own]["fingerprint"]:
                raise UserError(
                    f"datasets: the recordings of '{own}' are not those of the baseline {self.name}; compute it again "
                    "on these, under another name"
                )

    def against(self, run: Stored) -> Compared:
        """A run's systems against every system of this one; also written to ``differences.csv`` in the run's folder."""
        from results.statistics.analysis import Options
        from results.tables.paired import against

        before = Stored(self.name, self.folder, self.manifest, Store(self.folder).rows())
        compared = against(before, run, Options())
        tables.write(compared.frame(), run.folder / "differences.csv")
        return compared


def numbered(methods: Iterable[Any], runs_dir: Path) -> str:
    """The next free name for a run of these methods: ``mine-1``, ``mine-2``, ..."""
    labels = [label(str(_named(entry)), "mine") for entry in methods]
    name = "+".join(labels) if len(labels) <= 3 else f"{labels[0]}+{len(labels) - 1}"
    taken = [re.fullmatch(rf"{re.escape(name)}-(\d+)", run) for run in names_of_runs(runs_dir)]
    return f"{name}-{1 + max((int(found[1]) for found in taken if found), default=0)}"


def _named(entry: Any) -> Any:
    """The label or name of an entry as it was typed."""
    return (entry.get("label") or entry.get("name")) if isinstance(entry, Mapping) else entry


def _entry(own: str, part: Mapping[str, Any]) -> Any:
    """A part of a manifest as an entry of a configuration."""
    if own == part["name"] and not part["options"]:
        return own
    return {"name": part["name"], "label": own, **part["options"]}


def completed(given: Mapping[str, Any], runs_dir: Path) -> dict[str, Any]:
    """The keys that are given, with what the baseline among them answers, and a name of its own for the run.

    Raises:
        UserError: there is no such run; nothing is said of what is compared with it.
    """
    methods = given.get("methods")
    if settled(methods) is None:
        raise UserError("baseline: say what is compared with it, as in method=NAME")
    missing = [kind for kind in SUPPLIED if settled(given.get(kind)) is None]
    supplied = Baseline.read(str(given["baseline"]), runs_dir).supplied() if missing else {}
    found = {**given, **{kind: supplied[kind] for kind in missing if kind in supplied}}
    if settled(given.get("run")) is None:
        found["run"] = numbered(methods if isinstance(methods, list | tuple) else [methods], runs_dir)
    return found
