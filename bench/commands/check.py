"""``bench check``: what a checkpoint is and what is wrong with it; whether a method keeps the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.commands.settings import Check
from bench.core.errors import UserError
from bench.core.notes import show
from bench.core.types import Utterance
from bench.datasets.base import DATASETS, Dataset
from bench.run import alignment
from bench.run.entries import Spec, dataset_spec
from bench.run.parts import Recipe
from methods.base import METHODS
from methods.checkpoints.description import Description, describe
from methods.conformance import RULES, examine, generated
from methods.devices import resolve

LOOKED_AT = 100
"""At most so many recordings are opened to learn a dataset's rate."""


def check(config: Mapping[str, Any]) -> bool:
    """Print what is found; whether all is well.

    Raises:
        UserError: the checkpoint cannot be used, and why; or a name or key is unknown.
    """
    request = Check.of(config)
    if request.checkpoint is None and request.method is None:
        raise UserError("bench check needs checkpoint=FILE or method=NAME; bench check --help says more")
    if resolve(request.device).type not in ("cpu", "cuda"):
        raise UserError(f"device={request.device}: networks are not run there; one of auto, cpu, cuda, cuda:1, ...")
    data = None if request.data is None else _dataset(request.data)
    well = True
    if request.checkpoint is not None:
        well = _check_checkpoint(describe(request.checkpoint, request.weights), data)
    if request.method is not None:
        well = _check_method(request, data) and well
    return well


def _dataset(entry: Any) -> Dataset:
    spec = dataset_spec(Spec.of("data", entry))
    dataset: Dataset = Recipe.of(DATASETS, spec).build("cpu")
    show(dataset.notes())
    return dataset


def _check_checkpoint(description: Description, data: Dataset | None) -> bool:
    width = max(map(len, description.lines))
    for name, value in description.lines.items():
        print(f"{name:{width}}  {value}")
    if description.refusal:
        raise description.refusal
    problems = [*description.problems, *(_other_rates(data, description.sample_rate) if data else ())]
    for problem in problems:
        print(f"WRONG: {problem}")
    if not problems:
        print("nothing is wrong with it")
    return not problems


def _other_rates(data: Dataset, rate: int) -> Iterator[str]:
    """Rates of the recordings that are not the checkpoint's."""
    ids = data.ids()
    looked_at = ids[:: max(1, -(-len(ids) // LOOKED_AT))]
    rates: dict[int, int] = {}
    for recording in looked_at:
        utterance = data.load(recording)
        own = utterance.resampled_from or utterance.sample_rate
        rates[own] = rates.get(own, 0) + 1
    for own, count in sorted(rates.items()):
        if own != rate:
            yield (
                f"{count} of {len(looked_at)} recordings looked at in {data.name} are at {own} Hz, the checkpoint is "
                f"for {rate} Hz; they would be resampled there and back"
            )


def _check_method(request: Check, data: Dataset | None) -> bool:
    spec = Spec.of("method", request.method)
    recipe = Recipe.of(METHODS, spec)
    if "reuse" in METHODS.options(spec.name):  # whether it is deterministic shows only where it runs twice
        recipe = replace(recipe, options={**recipe.options, "reuse": False})
    method = recipe.build(request.device)
    if alignment.is_open(method):  # the contract is about what it does, not when
        method.set_common(delay=0)
    if method.needs_clean:
        raise UserError(f"method={spec.name} is an oracle, which is given the clean speech: there is nothing to check")
    if method.needs_id and data is None:
        raise UserError(f"method={spec.name} knows recordings by their names; add data=DATASET")
    clips: Sequence[Utterance] = generated(method)
    if data is not None:
        clips = [data.load(recording) for recording in data.ids()[: request.recordings]]
    if not clips:
        raise UserError(f"data={request.data}: has no recordings")
    print(f"{spec.name} ({METHODS.origin(spec.name)}), {len(clips)} clips")
    well, width = True, max(map(len, RULES))
    for verdict in examine(method, clips, request.steps):
        print(f"  {'ok' if verdict.kept else 'BROKEN':6}  {verdict.rule:{width}}  {verdict.observed}", flush=True)
        well = well and verdict.kept
    return well
