"""Whether stored runs reproduce published figures: PASS, DIFFERS and by which known setting, or CANNOT RUN and why.

A figure passes if the published value, rounded as it was printed, lies in the interval of the measured mean widened by
half a unit of the printed digit. A figure without an interval (a number of parameters) passes within the rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePath
from typing import Any, Literal

import numpy as np

from results.published.figures import Figure, Line, Published, figures
from results.statistics.analysis import Options
from results.statistics.panel import panels
from results.statistics.scale import Scale
from results.statistics.summaries import describe
from results.store.columns import Rows, joined
from results.store.info import MetricInfo
from results.store.merge import Stored, infos
from results.store.reading import as_rows
from results.store.versions import separate

Verdict = Literal["PASS", "DIFFERS", "CANNOT RUN"]
_RESAMPLER = "resampler"


@dataclass(frozen=True)
class Outcome:
    """A published figure beside a measured one.

    Attributes:
        published: the value (the mean over the run's recordings, where it is given per file).
        measured, low, high: mean and its interval; NaN where there is none.
        n: recordings.
        found: run and system it was measured on; empty for none.
        why: known settings that differ, or what is missing.
    """

    figure: Figure
    verdict: Verdict
    published: float
    measured: float
    low: float
    high: float
    n: int
    found: str
    why: Sequence[str]


@dataclass(frozen=True)
class Given:
    """The runs to look in, and what the user says is what.

    Attributes:
        datasets: published datasets and the runs' labels for them.
        systems: published systems (``TABLE: system``, or the label) and the runs' labels.
    """

    runs: Sequence[Stored]
    options: Options
    datasets: Mapping[str, str]
    systems: Mapping[str, str]

    @cached_property
    def rows(self) -> Mapping[str, tuple[Rows, Mapping[str, MetricInfo]]]:
        """Each run's rows; scores of other versions than the manifest's have names of their own."""
        return {run.name: separate(run.rows.values(), infos(run.manifest)) for run in self.runs}


def outcomes(publication: Published, given: Given) -> Iterator[Outcome]:
    """Every figure of a publication beside what the runs measured; the system nearest to the published settings."""
    for figure in figures(publication):
        found = [candidate for run in given.runs for candidate in _candidates(figure, figure.line, run, given)]
        found.sort(key=lambda candidate: _distance(publication, figure, candidate))
        measured = (_measured(publication, figure, candidate, given) for candidate in found)
        yield next((outcome for outcome in measured if outcome is not None), _missing(figure, given, found))


def systems(
    publication: Published, table: str, given: Given
) -> Iterator[tuple[Line, Sequence[tuple[str, int | None]]]]:
    """The lines of a published table, each with the methods and steps of the runs that are it, the nearest first."""
    for line in publication.tables[table].rows:
        figure = next(one for one in figures(publication) if one.table == table and one.line == line)
        found = [candidate for run in given.runs for candidate in _candidates(figure, line, run, given)]
        found.sort(key=lambda candidate: _distance(publication, figure, candidate))
        yield line, [(candidate.label, candidate.steps) for candidate in found]


@dataclass(frozen=True)
class _Candidate:
    """A system of a run that may be the published one."""

    run: Stored
    label: str
    steps: int | None
    dataset: str

    @property
    def provenance(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.run.manifest["methods"][self.label]["provenance"]
        return found


def _candidates(figure: Figure, line: Line, run: Stored, given: Given) -> Iterator[_Candidate]:
    labels = [label for label, part in run.manifest["methods"].items() if _fits(figure, line, label, part, given)]
    if not figure.dataset:
        yield from (_Candidate(run, label, None, "") for label in labels)
        return
    wanted = given.datasets.get(figure.dataset, figure.dataset)
    datasets = {
        label
        for label, part in run.manifest["datasets"].items()
        if wanted == label or (wanted == part["name"] and not part["options"].get("split"))
    }
    for dataset, method, steps in sorted({(key.dataset, key.method, key.steps or 0) for key in run.rows}):
        if dataset in datasets and method in labels:
            yield _Candidate(run, method, steps or None, dataset)


def _fits(figure: Figure, line: Line, label: str, part: Mapping[str, Any], given: Given) -> bool:
    named = given.systems.get(f"{figure.table}: {line.system}") or (line.label and given.systems.get(line.label))
    if named:
        return label == named
    trained = PurePath(str(part["options"].get("checkpoint", ""))).parts
    known = not line.label or label == line.label or line.label in trained or bool(line.where)
    return known and part["name"] == line.method and all(part["provenance"].get(k) == v for k, v in line.where.items())


def _measured(publication: Published, figure: Figure, candidate: _Candidate, given: Given) -> Outcome | None:
    """The outcome on one system; None if it has no value."""
    if figure.metric == "parameters":
        value, low, high, n, published = _size(figure, candidate, given), math.nan, math.nan, 0, figure.value
    else:
        value, low, high, n, published = _score(figure, candidate, given)
    if math.isnan(value):
        return None
    ends = (value, value) if math.isnan(low) else (low, high)
    passes = ends[0] - figure.rounding <= published <= ends[1] + figure.rounding
    why = [] if passes else _departures(publication, figure, candidate)
    steps = "" if candidate.steps is None else f", N={candidate.steps}"
    return Outcome(
        figure,
        "PASS" if passes else "DIFFERS",
        *(published, value, low, high, n),
        f"{candidate.run.name}: {candidate.label}{steps}",
        why or ([] if passes else ["by no setting that is known"]),
    )


def _size(figure: Figure, candidate: _Candidate, given: Given) -> float:
    """Millions of parameters of a network; or per cent below those of the method it is compared with."""
    own = _network(candidate)
    if not figure.line.against:
        return own
    sizes = [_network(other) for other in _against(figure, candidate, given)]
    return 100 * (1 - own / sizes[0]) if sizes else math.nan


def _network(candidate: _Candidate) -> float:
    provenance = candidate.provenance
    total = provenance.get("parameters")
    return math.nan if not total else float(total) / max(1, len(provenance.get("sizes", {}))) / 1e6


def _score(figure: Figure, candidate: _Candidate, given: Given) -> tuple[float, float, float, int, float]:
    """Mean, interval and number of recordings; the published value of the same recordings."""
    rows, metrics = given.rows[candidate.run.name]
    names = [name for name, info in metrics.items() if name == figure.metric or info.name == figure.metric]
    others = _against(figure, candidate, given)
    of_dataset = rows.where(dataset=candidate.dataset)
    if figure.per_file:
        of_dataset = of_dataset.filter("utterance", figure.per_file.__contains__)
    chosen = joined([of_dataset.where(method=one.label, steps=one.steps) for one in (candidate, *others[:1])])
    nothing = (math.nan, math.nan, math.nan, 0, figure.value)
    if not names or not chosen or (figure.line.against and not others):
        return nothing
    info = metrics[names[0]]
    [panel] = panels(chosen, names[:1], given.options.cluster, {names[0]: Scale.of(info.low, info.high)})
    described = describe(panel, given.options.confidence, given.options.resamples)[names[0]]
    at = next(n for n, system in enumerate(panel.systems) if system.method == candidate.label)
    own = described[at]
    if figure.line.against:
        base = described[1 - at].mean
        return 100 * (1 - own.mean / base), math.nan, math.nan, own.n, figure.value
    if not figure.per_file:
        return own.mean, own.low, own.high, own.n, figure.value
    there = np.isfinite(panel.scores[names[0]].clips[at])
    expected = [figure.per_file[clip] for clip, known in zip(panel.clips, there, strict=True) if known]
    # The same recordings: what is tested is the metric, not the sample, so the interval of the mean has no part in it.
    return own.mean, math.nan, math.nan, own.n, float(np.mean(expected)) if expected else math.nan


def _against(figure: Figure, candidate: _Candidate, given: Given) -> list[_Candidate]:
    """Systems of the same run that the published one is compared with."""
    line = replace(figure.line, method=figure.line.against, label="", where={})
    found = _candidates(figure, line, candidate.run, given) if figure.line.against else ()
    same = [one for one in found if one.dataset == candidate.dataset and one.label != candidate.label]
    return sorted(same, key=lambda one: one.steps != candidate.steps)


def _distance(publication: Published, figure: Figure, candidate: _Candidate) -> tuple[int, float]:
    """How far a system is from the published one: known settings that differ, then steps."""
    steps = next((setting.published for setting in publication.settings if setting.key == "steps"), None)
    away = abs(candidate.steps - steps) if candidate.steps is not None and steps is not None else 0
    return len(_departures(publication, figure, candidate)), away


def _departures(publication: Published, figure: Figure, candidate: _Candidate) -> list[str]:
    """Known settings in which a system is another than the published one."""
    line, found = figure.line, [figure.line.why] if figure.line.why else []
    for setting in publication.settings if figure.metric != "parameters" else ():
        path = ".".join(line.where)
        used = candidate.steps if setting.key == "steps" else _at(candidate.provenance, setting.key.split("."))
        if used is not None and used != setting.published and setting.key != path:
            found.append(f"{setting.name} {used}, published {setting.published} ({setting.ask})")
    size = _network(candidate)
    if line.networks and not math.isnan(size) and not math.isclose(size, line.networks, rel_tol=0.05):
        found.append(f"checkpoint: networks of {size:.3g} M parameters, published {line.networks:g} M ({line.get})")
    rows = as_rows(candidate.run.rows.values()).where(method=candidate.label)
    if any(rows.where(dataset=candidate.dataset).columns["resampled_from"].occurring()):
        rates = sorted({rate for rate in rows.columns["resampled_from"].occurring() if rate})
        found.append(f"{_RESAMPLER}: the recordings were brought to another rate from {', '.join(map(str, rates))} Hz")
    return found


def _at(nested: Any, path: Sequence[str]) -> Any:
    for name in path:
        nested = nested.get(name) if isinstance(nested, Mapping) else None
    return nested


def _missing(figure: Figure, given: Given, found: Sequence[_Candidate]) -> Outcome:
    """What a run would need."""
    line, why = figure.line, []
    wanted = given.datasets.get(figure.dataset, figure.dataset)
    if wanted and not any(
        wanted in (label, part["name"]) for run in given.runs for label, part in run.manifest["datasets"].items()
    ):
        why.append(f"data: bench data prepare {figure.dataset}, then bench run 'datasets=[{figure.dataset}]'")
    labels = [(label, part) for run in given.runs for label, part in run.manifest["methods"].items()]
    if not any(_fits(figure, line, label, part, given) for label, part in labels):
        why.append(f"method: {line.get or f'bench run methods=[{line.method}]'}")
    if line.against and not any(part["name"] == line.against for _, part in labels):
        why.append(f"method: bench run 'methods=[{line.against}]' beside it")
    if not why and found:
        what = "the number of parameters" if figure.metric == "parameters" else f"'metrics=[{figure.metric}]'"
        why.append(f"score: no value of {figure.metric}; bench run the same run with {what}")
    told = why or [f"the runs have no {line.method} on {figure.dataset}: bench run both in one run"]
    return Outcome(figure, "CANNOT RUN", figure.value, math.nan, math.nan, math.nan, 0, "", told)
