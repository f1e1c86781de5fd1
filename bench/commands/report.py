"""``bench report RUN ...``: stored runs as a page to look at and to listen to; no score is computed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from bench import __version__
from bench.commands import settings
from bench.commands.audible import Audible, first_by_system
from bench.commands.leaderboard import names, options
from bench.core.errors import UserError
from bench.core.types import Utterance
from results.report.page import About, Listen, Written, write
from results.report.sounds import CLEAN, NOISY, Recording, Track
from results.statistics.analysis import Analysis, analyse
from results.store.find import find_run
from results.store.merge import merge, read
from results.store.rows import Key
from results.views.strata import check_tags
from results.views.summary import Views, look_at


def report(runs: Sequence[str], config: Mapping[str, Any]) -> Written:
    """Write the page of stored runs, named or given by their folders.

    Raises:
        UserError: there is no such run, they cannot be merged, or the page cannot be written.
    """
    asked = settings.Report.of(config)
    stored = read([find_run(run, asked.runs_dir, audio=True) for run in runs])
    merged = merge(stored, asked.mix)
    views = Views(options=options(asked), strata=names(asked.strata), bins=asked.bins)
    analyses = analyse(merged.rows, merged.metrics, views.options)
    check_tags(analyses, views.strata or ())
    about = About(
        title=asked.title or f"Speech enhancement: {', '.join(run.folder.name for run in stored)}",
        manifests={run.name: run.manifest for run in stored},
        notes=merged.notes,
        version=__version__,
    )
    called = "+".join(run.folder.name for run in stored)
    folder = stored[0].folder if len(stored) == 1 else asked.runs_dir.parent / "leaderboards" / called
    listen = _listening(analyses, Audible(stored, merged.labels)) if asked.audio else None
    looks = [look_at(analysis, views) for analysis in analyses]
    return write(looks, about, listen, asked.out or folder / "report.html", asked.megabytes)


def _listening(analyses: Sequence[Analysis], audible: Audible) -> Listen:
    """Reads a recording with what every system made of it."""
    of_dataset = {analysis.panel.dataset: analysis for analysis in analyses}
    keys: dict[tuple[str, str], list[Key]] = defaultdict(list)
    for analysis in analyses:
        for system in analysis.panel.systems:
            for row in system.rows:
                if row.status == "ok":
                    keys[row.key.dataset, row.key.utterance].append(row.key)

    def listen(dataset: str, utterance: str) -> Recording:
        loaded = audible.utterance(dataset, utterance)
        rows = first_by_system(keys[dataset, utterance])
        tracks = [*recorded(loaded)]
        for number, system in enumerate(of_dataset[dataset].panel.systems):
            if system.paradigm != "control":
                key = rows.get((system.method, system.steps))
                tracks.append(_track(system.label, number, key, loaded, audible))
        return Recording(loaded.sample_rate, tracks, loaded.transcript)

    return listen


def recorded(utterance: Utterance) -> list[Track]:
    """The recording's own signals."""
    noisy = Track("noisy", NOISY, utterance.noisy)
    return [noisy] if utterance.clean is None else [Track("clean", CLEAN, utterance.clean), noisy]


def _track(label: str, number: int, key: Key | None, like: Utterance, audible: Audible) -> Track:
    if key is None:
        return Track(label, number, None, "not enhanced; the failures say why")
    try:
        notes = [] if key.seed is None else [f"seed {key.seed}"]
        return Track(label, number, audible.enhanced(key, like), notes=notes)
    except UserError as error:
        return Track(label, number, None, str(error))
