"""``bench verify SUBMISSION``: whether a stored run is what it says: files, names, counts, lengths, and scores again.

A submission is a run's folder with its audio (``keep_audio=all``) and ``submission.json``, which ``seal=true`` writes:
the digests of its files. No method of it is ever run; its data are built here and must have the fingerprint it names.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bench.commands import several
from bench.core import audio
from bench.core.errors import UserError
from bench.core.files import replacing, sha256
from bench.core.records import build, parse
from bench.core.seeds import stable_seed
from bench.core.types import Audio, Score
from bench.datasets.base import DATASETS, Dataset
from bench.run.entries import Spec
from bench.run.parts import Parts, Recipe
from metrics.base import METRICS
from metrics.clip import Recording
from results.store.folder import Store
from results.store.merge import Stored, read
from results.store.rows import Key, Row

SEAL = "submission.json"
_SEALED = ("rows.jsonl", "manifest.json")
_FOLDERS = ("audio", "estimates")
_COPIED_DB = 100.0
"""An output whose error lies this far below the clean recording is a copy of it: enhancement leaves more."""


@dataclass(frozen=True)
class Verified:
    """What was looked at, and every problem found, a line each; none: the submission is what it says."""

    files: int
    rows: int
    recomputed: int
    problems: Sequence[str]


def seal(run: Path) -> Path:
    """Write ``submission.json``: the size and digest of every file that is checked.

    Raises:
        UserError: no run is stored there, or a file is a link or cannot be read.
    """
    read([run])
    if links := [name for name in _files(run) if (run / name).is_symlink()]:
        raise UserError(f"{run / links[0]}: a link; put the file itself in its place")
    found = {name: {"bytes": (run / name).stat().st_size, "sha256": sha256(run / name)} for name in _files(run)}
    with replacing(run / SEAL) as temporary:
        temporary.write_text(json.dumps({"schema": 1, "files": found}, indent=1, ensure_ascii=False), encoding="utf-8")
    return run / SEAL


def verify(run: Path, config: Mapping[str, Any]) -> Verified:
    """Check a submission; files, names and lengths all, scores by a seeded draw.

    Raises:
        UserError: no sealed run is stored there, or its data cannot be had here.
    """
    asked = several.Verify.of(config)
    files = list(_files(run))
    problems = list(_files_as_sealed(run, files))
    if any(problem.startswith(_SEALED) for problem in problems):
        return Verified(len(files), 0, 0, problems)  # nothing that follows from them would mean anything
    [stored] = read([run])
    submission = _Submission(stored, asked)
    problems += [*submission.data(), *submission.versions(), *submission.names(files)]
    if not problems:
        problems += submission.lengths()
    drawn = submission.drawn() if not problems else []
    problems += [problem for key, metrics in drawn for problem in submission.scores(key, metrics)]
    return Verified(len(files), len(stored.rows), sum(len(metrics) for _, metrics in drawn), problems)


def _files(run: Path) -> Iterator[str]:
    """The names of the files that are checked, ``/`` between folders."""
    yield from (name for name in _SEALED if (run / name).is_file())
    for folder in _FOLDERS:
        for path in sorted((run / folder).rglob("*")):
            if path.is_file() or path.is_symlink():
                yield path.relative_to(run).as_posix()


def _files_as_sealed(run: Path, files: Sequence[str]) -> Iterator[str]:
    if not (run / SEAL).is_file():
        raise UserError(f"{run / SEAL}: missing; whoever submits writes it by bench verify {run.name} seal=true")
    try:
        content = parse((run / SEAL).read_text(encoding="utf-8"))
        sealed: Mapping[str, Mapping[str, Any]] = build(Mapping[str, Mapping[str, Any]], content["files"], "files")
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{run / SEAL}: damaged ({error}); seal it again: seal=true") from error
    for name in sorted(sealed.keys() - set(files)):
        yield f"{name}: sealed, but missing"
    for name in files:
        path = run / name
        if path.is_symlink():
            yield f"{name}: a link, not a file"
        elif name not in sealed:
            yield f"{name}: was not sealed"
        elif path.stat().st_size != sealed[name].get("bytes") or sha256(path) != sealed[name].get("sha256"):
            yield f"{name}: not the file that was sealed"


class _Submission:
    """A stored run beside the data and metrics that are here."""

    def __init__(self, stored: Stored, asked: several.Verify) -> None:
        self.stored, self.asked, self.store = stored, asked, Store(stored.folder)
        manifest = stored.manifest
        given = {label: Spec.of("dataset", entry) for label, entry in (asked.data or {}).items()}
        own = {label: Spec(part["name"], options=part["options"]) for label, part in manifest["datasets"].items()}
        datasets = {label: Recipe.of(DATASETS, given.get(label, spec)) for label, spec in own.items()}
        metrics = {
            label: Recipe.of(METRICS, Spec(part["name"], options=part["options"]))
            for label, part in manifest["metrics"].items()
        }
        self.parts = Parts({}, datasets, metrics, "cpu")

    @cached_property
    def ids(self) -> Mapping[str, frozenset[str]]:
        """The recordings of each dataset."""
        return {label: frozenset(self.dataset(label).ids()) for label in self.parts.datasets}

    def dataset(self, label: str) -> Dataset:
        """The data as they are here. Raises ``UserError`` if they are not."""
        try:
            return self.parts.dataset(label)
        except UserError as error:
            raise UserError(
                f"dataset {label}: {error}; where it lies here: data={{{label}: {{name: paired_folder, dir: FOLDER}}}}"
            ) from error

    def data(self) -> Iterator[str]:
        """The data here are those that the submission names."""
        for label, part in self.stored.manifest["datasets"].items():
            if (here := self.dataset(label).fingerprint()) != part["fingerprint"]:
                yield f"dataset {label}: fingerprint {part['fingerprint'][:12]}, that of the data here is {here[:12]}"

    def versions(self) -> Iterator[str]:
        """Metrics have the version that is here, in the manifest and in every row."""
        told = {label: part["version"] for label, part in self.stored.manifest["metrics"].items()}
        for label, version in told.items():
            if (here := self.parts.version(label)) != version:
                yield f"metric {label}: version {version}, here it is {here}"
        for key, row in self.stored.rows.items():
            for metric in row.scores:
                if row.metric_versions.get(metric) != told.get(metric):
                    yield f"{_name(key)}: {metric} is of another version than the manifest's"

    def names(self, files: Iterable[str]) -> Iterator[str]:
        """Every system has every recording, once a seed, and no other; every row its audio, and no audio else."""
        found: dict[tuple[str, str, int | None, int | None], set[str]] = defaultdict(set)
        for key in self.stored.rows:
            found[key.dataset, key.method, key.steps, key.seed].add(key.utterance)
        for (dataset, method, steps, seed), clips in found.items():
            what = _name(Key(dataset, method, steps, seed, ""))
            if dataset not in self.ids or method not in self.stored.manifest["methods"]:
                yield f"{what}: the manifest has no such {'dataset' if dataset not in self.ids else 'method'}"
                continue
            if unknown := sorted(clips - self.ids[dataset]):
                yield f"{what}: {dataset} has no recording {unknown[0]}{_more(unknown)}"
            if (lost := sorted(self.ids[dataset] - clips)) and not self.asked.partial:
                yield f"{what}: {len(clips)} of {len(self.ids[dataset])} recordings; {lost[0]}{_more(lost)} missing"
        expected = {}
        for key, row in self.stored.rows.items():
            name = self.store.audio_path(key).relative_to(self.stored.folder).as_posix()
            expected[name] = key
            if row.status == "ok" and name not in set(files) and key.method in self.stored.manifest["methods"]:
                yield f"{_name(key)}: its audio is missing ({name})"
        for name in files:
            if name.startswith("audio/") and name not in expected:
                yield f"{name}: audio of no row"

    def lengths(self) -> Iterator[str]:
        """Every output has its recording's rate and length, and its row says so."""
        for key, row in self.stored.rows.items():
            if row.status != "ok":
                continue
            utterance = self.dataset(key.dataset).load(key.utterance)
            samples, rate = utterance.noisy.size, utterance.sample_rate
            found = audio.extent(self.store.audio_path(key))
            if found != (samples, rate):
                told = f"{found[0]} samples at {found[1]} Hz"
                yield f"{_name(key)}: {told}, but the recording has {samples} at {rate} Hz"
            if row.sample_rate != rate or not math.isclose(row.seconds or 0, samples / rate, abs_tol=1e-6):
                yield f"{_name(key)}: its row says {row.seconds} s at {row.sample_rate} Hz, not {samples / rate} s"

    def drawn(self) -> list[tuple[Key, Sequence[str]]]:
        """The scores that are computed again, by row."""
        every = [
            (key, metric)
            for key, row in sorted(self.stored.rows.items())
            for metric, score in row.scores.items()
            if row.status == "ok" and score.status != "skipped"
        ]
        count = min(len(every), max(self.asked.least, math.ceil(self.asked.share * len(every))))
        random = np.random.default_rng(stable_seed("verify", self.asked.seed))
        by_row: dict[Key, list[str]] = defaultdict(list)
        for place in sorted(random.choice(len(every), count, replace=False).tolist()):
            key, metric = every[place]
            by_row[key].append(metric)
        return list(by_row.items())

    def scores(self, key: Key, metrics: Sequence[str]) -> Iterator[str]:
        """The stored scores of a row that are not what its audio gives."""
        row = self.stored.rows[key]
        recording = Recording(self.dataset(key.dataset).load(key.utterance))
        enhanced, _ = audio.read(self.store.audio_path(key))
        if row.paradigm != "oracle" and recording.clean is not None and _copied(enhanced, recording.clean):
            yield f"{_name(key)}: its audio is the clean recording"
        path = self.store.estimate_path(key)
        estimate = audio.read(path)[0] if path.is_file() else None
        for metric in metrics:
            if self.parts.needs_estimate(metric) and estimate is None:
                continue
            here = self.parts.metric(metric).score(enhanced, recording, estimate)
            if told := _differs(row, metric, here, self.asked.tolerance):
                yield f"{_name(key)}: {metric} {told}"


def _differs(row: Row, metric: str, here: Score, tolerance: float) -> str:
    """How a stored score departs from the one computed here; empty if it does not."""
    stored = row.scores[metric]
    if stored.value is None or here.value is None:
        same = (stored.value is None) == (here.value is None)
        return "" if same else f"is stored as {_text(stored)}, from its audio it is {_text(here)}"
    close = abs(stored.value - here.value) <= tolerance * max(1.0, abs(here.value))
    return "" if close else f"is stored as {stored.value:.6g}, from its audio it is {here.value:.6g}"


def _text(score: Score) -> str:
    return score.status if score.value is None else f"{score.value:.6g}"


def _copied(enhanced: Audio, clean: Audio) -> bool:
    """Whether ``enhanced`` is the clean recording, at any level."""
    if enhanced.size != clean.size:
        return False
    x, y = clean.astype(np.float64), enhanced.astype(np.float64)
    power = float(x @ x)
    if power == 0:
        return False
    rest = y - x * float(x @ y) / power
    return float(y @ y) > 0 and float(rest @ rest) <= 10 ** (-_COPIED_DB / 10) * float(y @ y)


def _name(key: Key) -> str:
    steps = "" if key.steps is None else f", N={key.steps}"
    seed = "" if key.seed is None else f", seed {key.seed}"
    return f"{key.dataset}{f'/{key.utterance}' if key.utterance else ''}, {key.method}{steps}{seed}"


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""
