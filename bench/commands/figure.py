"""``bench figure NAME RUN ...``: the paper's figures from stored runs; nothing is enhanced or scored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from bench.commands import ratings, several
from bench.commands.audible import Audible, first_by_system
from bench.commands.leaderboard import options
from bench.core import audio
from bench.core.errors import UserError, did_you_mean
from bench.core.types import Audio, Utterance
from results.figures import metrics, page, process, spectrograms
from results.figures.spectrograms import Signal
from results.statistics.analysis import Analysis, analyse
from results.store.find import find_run
from results.store.folder import Store
from results.store.merge import Merged, Stored, merge, read
from results.store.rows import Key

TWO_STAGES = ("regeneration", "refinement")
_SHOWN = ("predictive", "generative", "regeneration")
"""The paradigms of the paper's spectrograms."""


@dataclass(frozen=True)
class Source:
    """The runs, merged, and what was asked for."""

    stored: Sequence[Stored]
    merged: Merged
    asked: several.Figure

    def analysis(self, metric: str | None = None) -> Analysis:
        """The dataset's analysis; of several datasets the one asked for, else the first that has the metric."""
        rows, asked = self.merged.rows, self.asked
        rows = rows if asked.dataset is None else rows.where(dataset=asked.dataset)
        if not rows:
            raise did_you_mean("dataset of the runs", str(asked.dataset), self.datasets)
        if asked.methods is not None:
            rows = rows.filter("method", asked.methods.__contains__)
        found = analyse(rows, self.merged.metrics, options(self.asked))
        able = [one for one in found if metric is None or metric in one.shown]
        if not able:
            raise UserError(f"no score of {metric} in these runs; bench run the same with 'metrics=[{metric}]'")
        return able[0]

    @property
    def datasets(self) -> list[str]:
        return sorted(self.merged.rows.columns["dataset"].occurring())


def figure(name: str, runs: Sequence[str], config: Mapping[str, Any]) -> list[Path]:
    """Draw one of the paper's figures; returns the files that were written.

    Raises:
        UserError: there is no such figure or run, or the runs lack what the figure shows; the line says what.
    """
    asked = several.Figure.of(config)
    if name not in FIGURES:
        raise did_you_mean("figure", name, FIGURES)
    if name == "fig10":
        folder = Path(runs[0]).expanduser()
        return page.save(ratings.draw_test(folder, asked.width), asked.out or folder, name)
    stored = read([find_run(run, asked.runs_dir, audio=True) for run in runs])
    source = Source(stored, merge(stored, asked.mix), asked)
    folder = asked.out or (
        stored[0].folder / "figures"
        if len(stored) == 1
        else asked.runs_dir.parent / "leaderboards" / "+".join(run.folder.name for run in stored) / "figures"
    )
    return page.save(FIGURES[name](source), folder, name)


def _process(source: Source) -> Figure:
    """Fig. 1, of the first diffusion method of the runs."""
    for run in source.stored:
        for label, part in run.manifest["methods"].items():
            provenance = part["provenance"]
            sampled = provenance.get("sampler") and provenance.get("sde")
            if sampled and source.asked.methods in (None, (label,)):
                from bench.commands.diffusion import processes

                forward, reverse = processes(provenance["sde"], float(provenance.get("t_eps", 0.03)))
                return process.draw(forward, reverse, source.asked.width)
    raise UserError("fig1 needs a diffusion method (sgmse_m, storm, refinement); the runs have none of that name")


def _artefacts(source: Source) -> Figure:
    """Fig. 2: clean, noisy, what a predictive method makes of it, and where that lies above or below the clean one."""
    chosen = _recording(source, ("predictive",))
    clean = _clean(chosen)
    [(label, samples)] = chosen.tracks[:1]
    signals = [
        *(Signal("clean", clean), Signal("noisy", chosen.utterance.noisy), Signal(label, samples)),
        Signal(f"{label} − clean", samples, clean),
    ]
    return spectrograms.draw(signals, chosen.utterance.sample_rate, source.asked.width)


def _residues(source: Source) -> Figure:
    """Fig. 3: what noise there is, what the predictor takes away, and what is left for the diffusion (Eq. (13))."""
    chosen = _recording(source, (*TWO_STAGES, "predictive"), estimates=True)
    clean, noisy = _clean(chosen), chosen.utterance.noisy
    [(label, estimate)] = chosen.tracks[:1]
    signals = [
        *(Signal("noisy", noisy), Signal(f"D(y): {label}", estimate)),
        *(Signal("y − D(y): taken away", noisy - estimate), Signal("x − D(y): left over", clean - estimate)),
    ]
    return spectrograms.draw(signals, chosen.utterance.sample_rate, source.asked.width)


def _over_steps(source: Source) -> Figure:
    wanted = source.asked.metrics or ("pesq", "estoi", "si_sdr")
    analysis = source.analysis()
    there = [name for name in wanted if name in analysis.shown]
    if not there:
        raise UserError(f"no score of {', '.join(wanted)}; the runs have {', '.join(analysis.shown)}: metrics=[...]")
    return metrics.over_steps(analysis, there, source.asked.width)


def _spectrograms(task: str) -> Callable[[Source], Figure]:
    """Figs. 7 and 8: clean, noisy and a method of each paradigm, on a recording of a task."""

    def draw(source: Source) -> Figure:
        chosen = _recording(source, _SHOWN, task=task)
        clean = [] if chosen.utterance.clean is None else [Signal("clean", chosen.utterance.clean)]
        tracks = [Signal(label, samples) for label, samples in chosen.tracks]
        signals = [*clean, Signal("noisy", chosen.utterance.noisy), *tracks]
        return spectrograms.draw(signals, chosen.utterance.sample_rate, source.asked.width)

    return draw


def _word_errors(source: Source) -> Figure:
    [metric] = source.asked.metrics or ("wer",)
    return metrics.rates(source.analysis(metric), metric, source.asked.width)


@dataclass(frozen=True)
class _Chosen:
    """A recording and what systems made of it."""

    utterance: Utterance
    tracks: Sequence[tuple[str, Audio]]


def _clean(chosen: _Chosen) -> Audio:
    if chosen.utterance.clean is None:
        raise UserError(f"{chosen.utterance.id}: this figure needs the clean recording; name another: clip=NAME")
    return chosen.utterance.clean


def _recording(source: Source, paradigms: Iterable[str], task: str = "", estimates: bool = False) -> _Chosen:
    """The recording asked for, else the first whose audio was kept; a system of each paradigm, or those asked for.

    Args:
        task: the value of the tag ``task`` that is looked for first.
        estimates: take the first stage's estimate of methods with two stages; of others, their output.
    """
    asked, audible = source.asked, Audible(source.stored, source.merged.labels)
    keys = [row.key for row in source.merged.rows if row.status == "ok"]
    keys = [key for key in keys if asked.dataset in (None, key.dataset) and asked.clip in (None, key.utterance)]
    if not keys:
        raise did_you_mean("recording of the runs", str(asked.clip), {row.key.utterance for row in source.merged.rows})
    tasks = {(row.key.dataset, row.key.utterance): str(row.tags.get("task", "")) for row in source.merged.rows}
    wanted = tuple(paradigms)
    kinds = {row.key.method: row.paradigm for row in source.merged.rows}
    for dataset, clip in sorted(
        {(key.dataset, key.utterance) for key in keys}, key=lambda one: (not tasks[one].startswith(task), one)
    ):
        systems = first_by_system(key for key in keys if (key.dataset, key.utterance) == (dataset, clip))
        named = [key for key in systems.values() if asked.methods is None or key.method in asked.methods]
        ranked = [key for kind in wanted for key in named if kinds[key.method] == kind]
        if asked.methods is not None:
            ranked = sorted(named, key=lambda key: (asked.methods or ()).index(key.method))
        if tracks := _tracks(source, audible, _one_each(ranked, kinds), estimates):
            return _Chosen(audible.utterance(dataset, clip), tracks)
    raise UserError(
        f"no audio of a {' or '.join(wanted)} method was kept{' with its estimate' if estimates else ''}; run it "
        "again with keep_audio=all rescore=true and its other keys, or name others: methods=[...]"
    )


def _one_each(keys: Sequence[Key], kinds: Mapping[str, str]) -> list[Key]:
    """Of every method the most steps; of every paradigm the first method."""
    found: dict[str, Key] = {}
    for key in keys:
        other = found.setdefault(kinds[key.method], key)
        if other.method == key.method and (key.steps or 0) > (other.steps or 0):
            found[kinds[key.method]] = key
    return list(found.values())


def _tracks(source: Source, audible: Audible, keys: Sequence[Key], estimates: bool) -> list[tuple[str, Audio]]:
    found = []
    for key in keys:
        path = audible.path(key)
        if estimates and path is not None:
            path = _estimate(source, key) or (path if source_kind(source, key) == "predictive" else None)
        if path is not None:
            samples, _ = audio.read(path)
            found.append((key.method if key.steps is None else f"{key.method}, N={key.steps}", samples))
    return found


def source_kind(source: Source, key: Key) -> str:
    """The paradigm of a row's method."""
    return next(row.paradigm for row in source.merged.rows if row.key == key)


def _estimate(source: Source, key: Key) -> Path | None:
    for run in source.stored:
        names = {new: old for old, new in source.merged.labels[run.name].items()}
        own = replace(key, method=names.get(key.method, key.method))
        if own in run.rows and (path := Store(run.folder).estimate_path(own)).is_file():
            return path
    return None


FIGURES: dict[str, Callable[[Source], Figure]] = {
    "fig1": _process,
    "fig2": _artefacts,
    "fig3": _residues,
    "fig6": _over_steps,
    "fig7": _spectrograms("denoise"),
    "fig8": _spectrograms("dereverb"),
    "fig9": _word_errors,
    "fig10": lambda source: ratings.draw_test(source.stored[0].folder, source.asked.width),
}
"""The paper's figures by name."""
