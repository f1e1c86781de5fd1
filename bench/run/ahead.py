"""Recordings that a method is given all at once before a run, because its program works on folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from bench.core.errors import UserError
from bench.core.notes import show
from bench.core.types import Utterance
from bench.run.cell_enhancer import generator
from bench.run.parts import Parts
from bench.run.plan import Cell
from results.store.rows import Key


def enhance_ahead(parts: Parts, cells: Iterable[Cell]) -> None:
    """Let methods enhance their cells' recordings together; they keep what comes out.

    Nothing is raised: a recording of which nothing came is enhanced again in its turn, and its row says what failed.

    Args:
        cells: of methods with ``ahead``; others are not built here, where they may fill a GPU and never run.
    """
    together: dict[tuple[str, str, int | None, int | None], list[Key]] = {}
    for cell in cells:
        key = cell.key
        if cell.enhance:
            together.setdefault((key.method, key.dataset, key.steps, key.seed), []).append(key)
    for (label, dataset, *_), keys in together.items():
        size = parts.method(label).ahead
        show([f"{label}: {len(keys)} recordings of {dataset}, {min(size, len(keys))} at a time"])
        for start in range(0, len(keys), size):
            _enhance(parts, keys[start : start + size])


def _enhance(parts: Parts, keys: Sequence[Key]) -> None:
    by_rate: dict[int, list[tuple[Key, Utterance]]] = {}
    for key in keys:
        with suppress(UserError):  # its own row will say why
            recording = parts.dataset(key.dataset).load(key.utterance)
            by_rate.setdefault(recording.sample_rate, []).append((key, recording))
    for rate, group in by_rate.items():
        with suppress(UserError):
            parts.method(group[0][0].method).enhance_batch(
                [recording.noisy for _, recording in group],
                rate,
                group[0][0].steps,
                [generator(parts, key) for key, _ in group],
                utterance_ids=[recording.id for _, recording in group],
                batch=len(group),
            )
