"""The benchmark on one page: plan -> execute -> collect -> summarise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.core.errors import UserError
from bench.core.files import naming, sweep
from bench.core.notes import show
from bench.run import alignment, costs, manifest
from bench.run.ahead import enhance_ahead
from bench.run.archive import Archive
from bench.run.assembly import assembled, plugins
from bench.run.baseline import Baseline
from bench.run.batch_size import LARGEST
from bench.run.cell import GRACE_SECONDS, CellFlow
from bench.run.cluster import Pool
from bench.run.cost import Cost
from bench.run.flows import Crew, Serial
from bench.run.leaks import leaks, note, remarks
from bench.run.machine import local_gpus
from bench.run.manifest import Manifest
from bench.run.outcome import Item, Limits, Sizes
from bench.run.parallel import runner
from bench.run.parts import Parts
from bench.run.plan import Cell, Drawn, in_blocks, keys, plan, recordings
from bench.run.pools import Pools
from bench.run.preview import preview
from bench.run.progress import progress
from bench.run.settings import Settings, check_device
from bench.run.worker import Worker
from results.store.columns import ByKey
from results.store.folder import Store
from results.store.merge import Stored, infos
from results.store.reading import as_rows
from results.store.rows import Key, Row
from results.store.standings import Standings
from results.store.versions import outdated, separate
from results.tables.compared import Compared
from results.views.summary import summarise

AUDIO_SAMPLE = 20
"""The number of recordings of each dataset whose audio ``keep_audio=sample`` keeps."""


@dataclass(frozen=True)
class Result:
    """The result of a run.

    Attributes:
        asked, computed: the numbers of requested and of newly computed cells.
        failures: by key of the row, the reason.
        notes: for the user.
        compared: with the baseline, if there is one.
    """

    folder: Path
    asked: int
    computed: int
    failures: Mapping[Key, str]
    notes: Sequence[str] = ()
    compared: Compared | None = None

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
    if settings.dry_run:
        raise UserError("dry_run: bench.run.forecast.forecast tells what a run would compute; this would compute it")
    if settings.ray_address is None:
        check_device(settings.device)
    here = assembled(settings, device="cpu")
    show(preview(here))
    seen = leaks(here)
    show(remarks(seen))
    baseline = baseline_of(settings, here)
    with Store(settings.folder) as store, sending(store):
        sweep(settings.folder)
        session = manifest.session(config, plugins(settings))
        known = _known(store)
        merged = manifest.merge(known, manifest.describe(here), session)
        merged["drawn"] = drawn = drawn_by(known, settings)
        wanted = keys(settings, here, drawn, baseline.held if baseline else None)
        store.write_manifest(merged)
        versions = {label: here.version(label) for label in here.metrics}
        stored = store.standings()
        session["scoring"] = here.scoring.chosen
        left_out, audio = here.scoring.left_out, partial(has_audio, store=store, parts=here)
        cells = list(plan(wanted, stored, versions, audio, settings.rescore, left_out))
        working = {cell.key.method for cell in cells if cell.enhance}
        session["delays"] = alignment.settle(here, wanted, working, manifest.delays(merged))
        there = alignment.compensated(here, session["delays"]).on(settings.device)
        enhance_ahead(there, (cell for cell in cells if here.method(cell.key.method).ahead))
        execute(cells, stored, there, settings, store, merged)
        note(store, seen)
        rows = as_rows(store.rows().values())
        session["ended"] = manifest.now()
        store.write_manifest(merged)
        summarise(settings.folder, *separate(rows, infos(merged)))
        if store.remote is not None:
            store.remote.send_tables()
    asked = set(wanted)
    rows = rows.take(np.array([place for place, key in enumerate(rows.keys()) if key in asked], np.intp))
    failed = rows.take(np.flatnonzero(rows.failed))
    failures = {row.key: reason for row in failed if (reason := why_failed(row, versions))}
    notes = _outdated_notes(rows, versions)
    run = Stored(settings.run, settings.folder, merged, ByKey(rows))
    return Result(
        settings.folder, len(wanted), len(cells), failures, notes, baseline.against(run) if baseline else None
    )


@contextmanager
def sending(store: Store) -> Iterator[None]:
    """Go on from what a run at a URL has, and send what is new; nothing for a run that is here alone."""
    store.pull()
    with store.remote.sending() if store.remote is not None else nullcontext():
        yield


def baseline_of(settings: Settings, here: Parts) -> Baseline | None:
    """The stored run that this one is compared with, if there is one.

    Raises:
        UserError: there is no such run, or it holds other recordings than the datasets ``here``.
    """
    if settings.baseline is None:
        return None
    baseline = Baseline.read(settings.baseline, settings.runs_dir)
    baseline.check(settings.folder, {label: here.dataset(label).fingerprint() for label in here.datasets})
    return baseline


def _known(store: Store) -> manifest.Manifest | None:
    """The stored manifest; None if nothing is stored."""
    known = store.read_manifest()
    if known is None and store.standings():
        raise UserError(
            f"{store.folder}: rows are stored here, but no manifest.json, which says what they were computed with; "
            "put it back, choose another run=NAME, or delete the run"
        )
    return known


def drawn_by(known: Manifest | None, settings: Settings) -> Drawn:
    """How a limit chooses recordings: a run that an earlier version began goes on with the first ones."""
    if known is None or known.get("drawn") == "balanced":
        return "balanced"
    if settings.limit is not None:
        show(["limit: this run was begun by a version that took the first recordings, and goes on with those"])
    return "first"


def _outdated_notes(rows: Iterable[Row], versions: Mapping[str, str]) -> list[str]:
    return [
        f"{metric}: {sum(found.values())} stored scores are of another version ({'; '.join(found)}; now "
        f"{versions[metric]}) and are not mixed with new ones; rescore=outdated computes them again"
        for metric, found in outdated(rows, versions).items()
    ]


def execute(
    cells: Sequence[Cell], stored: Standings, there: Parts, settings: Settings, store: Store, merged: Manifest
) -> None:
    """Compute ``cells`` and store every outcome as it arrives; costs, measured before, go into ``merged`` too."""
    if not cells:
        return
    limits = Limits(settings.clip_timeout, settings.metric_timeout)
    sizes = Sizes(settings.batch, settings.piece)
    together = _together(settings)
    crews = {
        "enhancers": Crew(partial(Worker, there, settings.threads, limits, sizes), together=together, ahead=2),
        "scorers": Crew(partial(Worker, there, 1, limits, sizes), size="scorers", otherwise="enhancers"),
        "archive": Crew(partial(Archive, settings.folder), size=1, beside=True),
    }
    ordered = in_blocks(cells, together)
    items = (Item(cell, _finished(cell.key, stored)) for cell in ordered)
    with runner(crews, _pool(settings, there)) as workers:
        known = costs.stored(merged, settings)
        if settings.measure_cost:
            known |= _measured(costs.needed(cells, known), workers, limits)
            merged["costs"] = list(costs.merged(merged.get("costs", []), costs.entries(known, settings)))
            store.write_manifest(merged)
        failures = 0
        work = workers.run(items, CellFlow(there, kept(settings, there), limits, together > 1))
        with closing(work), progress(len(cells)) as advance:
            for _, outcome in work:
                row = costs.with_cost(outcome.row, known) if outcome.enhanced else outcome.row
                collect(row, outcome.trace, store)
                failures += row.failed
                advance(failures)


def _measured(systems: Sequence[costs.Excerpts], workers: Serial | Pools, limits: Limits) -> dict[costs.System, Cost]:
    """The systems' costs, one after the other, with nothing beside them."""
    if not systems:
        return {}
    seconds = None if limits.clip is None else limits.clip + GRACE_SECONDS
    work = workers.run(systems, partial(costs.flow, seconds=seconds), most=1)
    with closing(work), progress(len(systems), "costs") as advance:
        found: dict[costs.System, Cost] = {}
        failed: dict[costs.System, str] = {}
        for excerpts, cost in work:
            if isinstance(cost, Cost):
                found[excerpts.system] = cost
            elif cost:
                failed[excerpts.system] = cost
            advance(0)
    show(costs.notes(found, failed))
    return found


def _together(settings: Settings) -> int:
    """How many clips an enhancing worker is given at a time, from which ``Inference`` makes batches."""
    if isinstance(settings.batch, int):
        return settings.batch
    gpu = settings.device != "cpu" and (settings.ray_address is not None or local_gpus() > 0)
    return LARGEST if gpu else 1


def kept(settings: Settings, there: Parts) -> Callable[[Key], bool]:
    """Whether a cell's audio is kept: of all cells, none, or those of a sample of each dataset's recordings."""
    if settings.keep_audio != "sample":
        return lambda key: settings.keep_audio == "all"
    samples = {label: set(recordings(there.dataset(label), AUDIO_SAMPLE)) for label in there.datasets}
    return lambda key: key.utterance in samples[key.dataset]


def _pool(settings: Settings, there: Parts) -> Pool:
    gpu = settings.device != "cpu"
    return Pool(settings.workers, settings.threads, gpu, settings.ray_address, settings.scorers, there.modules())


def _finished(key: Key, stored: Standings) -> Row | None:
    """The stored row if its enhancement succeeded."""
    return stored.row(key) if key in stored and stored[key].status == "ok" else None


def has_audio(key: Key, store: Store, parts: Parts) -> bool:
    """Whether all audio that the run's metrics need is stored."""
    needed = [store.audio_path(key)]
    if parts.method(key.method).two_stages and any(map(parts.needs_estimate, parts.metrics)):
        needed.append(store.estimate_path(key))
    return all(map(store.holds, needed))


def collect(row: Row, trace: str, store: Store) -> None:
    """Store a row, whose audio is stored already, and the traceback of what failed."""
    if trace:
        with naming(store.folder / "errors.log"), (store.folder / "errors.log").open("a", encoding="utf-8") as log:
            log.write(f"{manifest.now()} {row.key}\n{trace}\n")
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
