"""Which systems' costs are measured before a run's cells are computed, and where the answers are kept.

Measured costs stand in the manifest, so that a run that is continued on the same device does not measure again, and in
the rows that are computed from then on. Rows that were stored without keep nothing for them: their ``enhance_seconds``
were taken beside other work and are no real-time factor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.run.cost import BUSY, EXCERPTS, Cost
from bench.run.flows import Call, Flow, WorkerDied
from bench.run.machine import machine
from bench.run.plan import Cell
from bench.run.settings import Settings
from results.store.rows import Key, Row

System = tuple[str, int | None]
"""A method's label, and its number of steps."""


@dataclass(frozen=True)
class Excerpts:
    """A system, by the key of one of its cells, and further recordings of the same dataset."""

    key: Key
    others: tuple[str, ...]

    @property
    def system(self) -> System:
        return self.key.method, self.key.steps


def needed(cells: Iterable[Cell], known: Mapping[System, Cost]) -> list[Excerpts]:
    """The systems of ``cells`` whose cost is not known, or whose RTF could not be measured, each once."""
    cells = [cell for cell in cells if cell.enhance]
    recordings: dict[str, dict[str, None]] = {}
    for cell in cells:
        recordings.setdefault(cell.key.dataset, {})[cell.key.utterance] = None
    found: dict[System, Excerpts] = {}
    for cell in cells:
        system = cell.key.method, cell.key.steps
        if system not in found and "rtf" not in known.get(system, Cost()).row_values():
            chosen = list(recordings[cell.key.dataset])[:EXCERPTS]
            key = replace(cell.key, utterance=chosen[0])
            found[system] = Excerpts(key, tuple(chosen[1:]))
    return list(found.values())


def flow(excerpts: Excerpts, together: bool, seconds: float | None = None) -> Flow[Cost | str | None]:
    """Measure one system; None if it has no cost, a reason if it could not be measured, or not within ``seconds``."""
    reply = yield Call("enhancers", "cost", (excerpts.key, excerpts.others), seconds=seconds, tries=1)
    return reply.value.reason if isinstance(reply.value, WorkerDied) else reply.value


def stored(manifest: Mapping[str, Any], settings: Settings) -> dict[System, Cost]:
    """The costs in a manifest that were measured on what this run computes on."""
    here = _where(settings)
    return {
        (entry["method"], entry["steps"]): Cost(entry["values"], entry["times"], entry["busy"], entry["device"])
        for entry in manifest.get("costs", ())
        if entry["where"] == here
    }


def entries(costs: Mapping[System, Cost], settings: Settings) -> list[dict[str, Any]]:
    """``costs`` for the manifest."""
    here = _where(settings)
    return [
        {
            "method": method,
            "steps": steps,
            "where": here,
            "device": cost.device,
            "values": dict(cost.values),
            "times": [round(time, 6) for time in cost.times],
            "busy": round(cost.busy, 2),
        }
        for (method, steps), cost in costs.items()
    ]


def _where(settings: Settings) -> list[Any]:
    """What must be the same for measured times to hold."""
    about = machine()
    return [settings.device, settings.threads, settings.ray_address, about["cpu"], about["cores"], about["gpus"]]


def with_cost(row: Row, costs: Mapping[System, Cost]) -> Row:
    """``row`` with the cost of its system."""
    cost = costs.get((row.key.method, row.key.steps))
    if cost is None or row.status != "ok":
        return row
    values = cost.row_values()
    timed = {"timed_on": cost.device} if "rtf" in values else {}
    return replace(row, cost={**row.cost, **values}, computing={**row.computing, **timed})


def notes(costs: Mapping[System, Cost], failed: Mapping[System, str]) -> list[str]:
    """Why costs are missing: measuring failed, or other work kept the device busy."""
    told = [
        f"costs of {method}{'' if steps is None else f', N = {steps}'} not measured: {reason}"
        for (method, steps), reason in failed.items()
    ]
    busy = [cost.busy for cost in costs.values() if cost.busy > BUSY]
    if not busy:
        return told
    return [
        *told,
        f"RTF of {len(busy)} systems not measured: other processes kept up to {100 * max(busy):.0f} % of the processor "
        "busy; parameters, MACs and memory are in the rows",
    ]


def merged(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The entries of a manifest, ``new`` ones in place of ``old`` of the same system and place."""
    given = {(entry["method"], entry["steps"], str(entry["where"])) for entry in new}
    yield from (entry for entry in old if (entry["method"], entry["steps"], str(entry["where"])) not in given)
    yield from new
