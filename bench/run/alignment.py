"""``delay: auto``: measured on a few recordings before anything is computed, and replaced by the number."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from bench.core.errors import UserError
from bench.core.notes import show
from bench.core.types import Audio, Utterance
from bench.run.parts import Parts, Recipe
from methods.alignment import AUTO, RECORDINGS, Measured, measure
from methods.base import Method
from results.store.rows import Key

SEED = 0
"""Of the noise of the outputs that the delay is measured on."""


def is_open(method: Method) -> bool:
    """Whether the method's delay is still to be measured."""
    return method.alignment.delay == AUTO


def with_delay(recipe: Recipe[Method], delay: Any) -> Recipe[Method]:
    """The same method with another ``delay``."""
    return replace(recipe, options={**recipe.options, "delay": delay}, beside=recipe.beside | {"delay"})


def measured(what: str, recipe: Recipe[Method], recordings: Iterator[Utterance], steps: int | None) -> Measured:
    """The lag of a method's output behind the recordings; said in a note that begins with ``what``.

    Raises:
        UserError: no output resembles its recording.
    """
    method = with_delay(recipe, 0).build("cpu")

    def enhanced(recording: Utterance) -> Audio:
        wanted = steps if method.uses_steps else None
        return method.enhance(
            recording.noisy, recording.sample_rate, wanted, SEED, utterance_id=recording.id if method.needs_id else None
        ).audio

    found = measure(enhanced, recordings)
    if found is None:
        raise UserError(
            f"{what}: delay: auto: its output resembles none of the recordings looked at; give the delay in samples, "
            "or leave it out to see why in the rows"
        )
    show([f"{what}: {found.told()}: compensated", *(f"{what}: {line}" for line in found.polarity)])
    return found


def settle(parts: Parts, wanted: Sequence[Key], working: Collection[str], known: Mapping[str, str]) -> dict[str, str]:
    """The delay of every method that has ``delay: auto``, by its label.

    Args:
        wanted: all keys of the run, from which the recordings are chosen.
        working: labels of the methods that have something to compute.
        known: what was measured when the run was begun.

    Raises:
        UserError: as ``measured``.
    """
    labels = [label for label in parts.methods if is_open(parts.method(label))]
    delays = {label: known[label] for label in labels if label in known}
    for label in labels:
        if label in working and label not in known:
            own = [key for key in wanted if key.method == label]
            steps = min((key.steps for key in own if key.steps is not None), default=None)
            delays[label] = measured(label, parts.methods[label], _recordings(parts, own), steps).delay
    return delays


def compensated(parts: Parts, delays: Mapping[str, str]) -> Parts:
    """The same parts, not yet built, with these delays."""
    methods = {
        label: with_delay(recipe, delays[label]) if label in delays else recipe
        for label, recipe in parts.methods.items()
    }
    return Parts(methods, parts.datasets, parts.metrics, parts.device, parts.scoring)


def spread(names: Sequence[Any]) -> Sequence[Any]:
    """At most ``RECORDINGS`` of them, evenly spread."""
    return names[:: max(1, -(-len(names) // RECORDINGS))]


def _recordings(parts: Parts, keys: Sequence[Key]) -> Iterator[Utterance]:
    for dataset, utterance in spread(list(dict.fromkeys((key.dataset, key.utterance) for key in keys))):
        with suppress(UserError):  # its own row will have the reason
            yield parts.dataset(dataset).load(utterance)
