"""``bench show RUN clip=... method=...``: what a run's methods made of one recording, to hear and to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.commands import settings
from bench.commands.audible import Audible, first_by_system
from bench.commands.report import recorded
from bench.core.errors import UserError, did_you_mean
from bench.core.files import replacing, safe_name
from results.report import sheet
from results.report.sheet import Entry
from results.report.sounds import NOISY, Recording, Track
from results.store.find import find_run
from results.store.info import MetricInfo
from results.store.merge import Stored, infos, read
from results.store.rows import Key, Row


@dataclass(frozen=True)
class Shown:
    """What was written, and a line for every row shown: its audio file and its scores."""

    page: Path
    picture: Path
    lines: Sequence[str]


def show(run: str, config: Mapping[str, Any]) -> Shown:
    """Write a page with players and a picture of one recording as the run's methods enhanced it.

    Raises:
        UserError: there is no such run, recording, method, number of steps or seed; or the recording cannot be read.
    """
    asked = settings.Show.of(config)
    [stored] = read([find_run(run, asked.runs_dir, audio=True)])
    keys = _chosen(stored, asked)
    dataset, utterance = keys[0].dataset, keys[0].utterance
    metrics = infos(stored.manifest)
    audible = Audible([stored], {stored.name: {}})
    loaded = audible.utterance(dataset, utterance)
    tracks, lines = [*recorded(loaded)], []
    for number, key in enumerate(keys):
        row, name = stored.rows[key], label(key)
        scores = scored(row, metrics)
        if row.paradigm == "control":
            tracks = [replace(track, notes=scores) if track.system == NOISY else track for track in tracks]
            lines.append(f"{name}: {audible.path(key) or 'the recording itself'}")
        else:
            try:
                tracks.append(Track(name, number, audible.enhanced(key, loaded), notes=scores))
                lines.append(f"{name}: {audible.path(key)}")
            except UserError as error:
                missing = row.reason if row.status != "ok" else str(error)
                tracks.append(Track(name, number, None, missing))
                lines.append(f"{name}: {missing}")
        lines.append(f"  {', '.join(scores) or 'no scores'}")
    recording = Recording(loaded.sample_rate, tracks, loaded.transcript)
    folder = asked.out or stored.folder / "show" / safe_name(f"{dataset}-{utterance}")
    page, image = folder / "index.html", folder / "signals.png"
    sheet.write(page, f"{dataset}/{utterance}", [Entry(stored.folder.name, recording)])
    with replacing(image) as temporary:
        sheet.picture(recording).savefig(temporary)
    return Shown(page, image, lines)


def label(key: Key) -> str:
    """A row's method with its steps and seed."""
    steps = "" if key.steps is None else f", N={key.steps}"
    return f"{key.method}{steps}" + ("" if key.seed is None else f", seed {key.seed}")


def scored(row: Row, metrics: Mapping[str, MetricInfo]) -> list[str]:
    """Every score as text, or why it is missing."""
    found = []
    for name, score in row.scores.items():
        info = metrics.get(name, MetricInfo(name))
        value = score.status if score.value is None else f"{info.format(score.value)} {info.unit}".rstrip()
        found.append(f"{info.label} {value}")
        if heard := score.detail.get("recognised"):
            found.append(f"heard: {heard}")
    return found


def _chosen(stored: Stored, asked: settings.Show) -> list[Key]:
    """The rows of the recording; of several seeds the first, unless one is named.

    Raises:
        UserError: nothing is stored, or what is asked for is not in the run.
    """
    if not stored.rows:
        raise UserError(f"{stored.folder}: no recording is stored in this run yet")
    rows = _only("dataset", list(stored.rows), lambda key: key.dataset, asked.dataset)
    clips = {key.utterance for key in rows}
    if asked.clip is None:
        more = ", ..." if len(clips) > 5 else ""
        raise UserError(f"bench show needs clip=NAME, one of {len(clips)}: {', '.join(sorted(clips)[:5])}{more}")
    rows = _only("clip", rows, lambda key: key.utterance, asked.clip)
    if len(found := dict.fromkeys(key.dataset for key in rows)) > 1:
        raise UserError(f"clip={asked.clip}: several datasets have it; say dataset={' or dataset='.join(found)}")
    rows = _only("method", rows, lambda key: key.method, asked.method)
    for name in ("steps", "seed"):
        wanted = getattr(asked, name)
        if wanted is not None and not any(getattr(key, name) == wanted for key in rows):
            known = ", ".join(map(str, sorted({getattr(key, name) for key in rows} - {None})))
            there = f"there are {known}" if known else f"these rows have no {name}"
            raise UserError(f"{name}={wanted}: no row has it; {there}")
        if wanted is not None:
            rows = [key for key in rows if getattr(key, name) in (wanted, None)]
    return list(first_by_system(rows).values())


def _only(what: str, keys: list[Key], of: Any, wanted: str | None) -> list[Key]:
    found = [key for key in keys if wanted is None or of(key) == wanted]
    if not found:
        raise did_you_mean(f"{what} of the run", str(wanted), {of(key) for key in keys})
    return found
