"""The benchmark on one page: plan -> execute -> collect -> summarise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.core import audio
from bench.core.errors import UserError
from bench.core.files import naming, sweep
from bench.core.notes import show
from bench.core.types import Audio
from bench.run import alignment, manifest, parts
from bench.run.ahead import enhance_ahead
from bench.run.cluster import Pool
from bench.run.parallel import WorkerDied, map_unordered
from bench.run.parts import Parts
from bench.run.plan import Cell, keys, plan
from bench.run.preview import preview
from bench.run.progress import progress
from bench.run.settings import Settings, check_device
from bench.run.worker import Item, Outcome, Worker, failed
from results.store.folder import Store
from results.store.merge import infos
from results.store.rows import Key, Row
from results.store.versions import outdated, separate
from results.views.summary import summarise


@dataclass(frozen=True)
class Result:
    """The result of a run: the numbers of requested and of newly computed cells, the reasons of failures, and notes."""

    folder: Path
    asked: int
    computed: int
    failures: Mapping[Key, str]
    notes: Sequence[str] = ()

    def reasons(self, most: int = 5) -> list[str]:
        """The most frequent reasons of failure, each with its count and one example."""
        found: dict[str, list[Key]] = {}
        for key, reason in self.failures.items():
            found.setdefault(reason, []).append(key)
        ranked = sorted(found.items(), key=lambda pair: -len(pair[1]))
        lines = [f"{len(where)} x {reason} ({_place(where[0])})" for reason, where in ranked[:most]]
        return lines + [f"and {len(ranked) - most} other reasons"] * (len(ranked) > most)


def run(config: Mapping[str, Any]) -> Result:
    """Compute the missing cells of the run that ``config`` (the keys of ``Settings``) describes, and summarise it.

    Raises:
        UserError: the configuration is invalid, or contradicts what is stored under the run's name.
    """
    settings = Settings.of(config)
    if settings.ray_address is None:
        check_device(settings.device)
    here = parts.of(settings, device="cpu")
    wanted = keys(settings, here)
    show(preview(here))
    with Store(settings.folder) as store:
        sweep(settings.folder)
        session = manifest.session(config, parts.plugins(settings))
        merged = manifest.merge(_known(store), manifest.describe(here), session)
        store.write_manifest(merged)
        versions = {label: here.version(label) for label in here.metrics}
        stored = store.rows()
        cells = list(plan(wanted, stored, versions, lambda key: _has_audio(key, store, here), settings.rescore))
        working = {cell.key.method for cell in cells if cell.enhance}
        session["delays"] = alignment.settle(here, wanted, working, manifest.delays(merged))
        there = alignment.compensated(here, session["delays"]).on(settings.device)
        enhance_ahead(there, cells)
        execute(cells, stored, there, settings, store)
        rows = store.rows()
        session["ended"] = manifest.now()
        store.write_manifest(merged)
        summarise(settings.folder, *separate(rows.values(), infos(merged)))
    failures = {key: reason for key in wanted if (reason := why_failed(rows[key], versions))}
    notes = _outdated_notes((rows[key] for key in wanted), versions)
    return Result(settings.folder, len(wanted), len(cells), failures, notes)


def _known(store: Store) -> manifest.Manifest | None:
    """The stored manifest; None if nothing is stored."""
    known = store.read_manifest()
    if known is None and store.rows():
        raise UserError(
            f"{store.folder}: rows are stored here, but no manifest.json, which says what they were computed with; "
            "put it back, choose another run=NAME, or delete the run"
        )
    return known


def _outdated_notes(rows: Iterable[Row], versions: Mapping[str, str]) -> list[str]:
    return [
        f"{metric}: {sum(found.values())} stored scores are of another version ({'; '.join(found)}; now "
        f"{versions[metric]}) and are not mixed with new ones; rescore=outdated computes them again"
        for metric, found in outdated(rows, versions).items()
    ]


def execute(cells: Sequence[Cell], stored: Mapping[Key, Row], there: Parts, settings: Settings, store: Store) -> None:
    """Compute ``cells`` and store every outcome as it arrives."""
    if not cells:
        return
    pool = Pool(settings.workers, settings.threads, settings.device != "cpu", settings.ray_address)
    work = map_unordered(_items(cells, stored, store), partial(Worker, there, settings.threads), pool)
    failures = 0
    with closing(work), progress(len(cells)) as advance:
        for item, result in work:
            if isinstance(result, WorkerDied):
                result = Outcome(failed(item, result.reason, there), trace=result.detail)
            collect(result, store, settings.save_audio)
            failures += result.row.failed
            advance(failures)


def _items(cells: Sequence[Cell], stored: Mapping[Key, Row], store: Store) -> Iterator[Item]:
    """The cells with their stored rows and audio, read one by one: workers have no access to the run's folder."""
    for cell in cells:
        row = stored.get(cell.key)
        known = row if row is not None and row.status == "ok" else None
        if cell.enhance:
            yield Item(cell, known)
        else:
            yield Item(cell, known, _read(store.audio_path(cell.key)), _read(store.estimate_path(cell.key)))


def _has_audio(key: Key, store: Store, parts: Parts) -> bool:
    """Whether all audio that the run's metrics need is stored."""
    needed = [store.audio_path(key)]
    if parts.method(key.method).two_stages and any(map(parts.needs_estimate, parts.metrics)):
        needed.append(store.estimate_path(key))
    return all(path.is_file() for path in needed)


def _read(path: Path) -> Audio | None:
    """Stored audio; None if there is none, or if it is damaged and must be computed again."""
    try:
        return audio.read(path)[0]
    except UserError:
        return None


def collect(outcome: Outcome, store: Store, save_audio: bool) -> None:
    """Store an outcome: audio first, so that no row lacks the audio it was scored on."""
    row = outcome.row
    signals = {store.estimate_path(row.key): outcome.estimate, store.audio_path(row.key): outcome.audio}
    for path, signal in signals.items():
        if signal is not None and save_audio:
            assert row.sample_rate is not None
            with naming(path):
                audio.write(path, signal, row.sample_rate)
    if outcome.trace:
        with naming(store.folder / "errors.log"), (store.folder / "errors.log").open("a", encoding="utf-8") as log:
            log.write(f"{manifest.now()} {row.key}\n{outcome.trace}\n")
    store.append(row)


def why_failed(row: Row, metrics: Iterable[str]) -> str:
    """Why the enhancement, or the first failed one of ``metrics``, failed; empty if nothing failed."""
    if row.status == "error":
        return row.reason
    scores = ((name, row.scores.get(name)) for name in metrics)
    return next((f"{name}: {score.reason}" for name, score in scores if score and score.status == "error"), "")


def _place(key: Key) -> str:
    steps = "" if key.steps is None else f", {key.steps} steps"
    seed = "" if key.seed is None else f", seed {key.seed}"
    return f"{key.dataset}/{key.utterance}, {key.method}{steps}{seed}"
