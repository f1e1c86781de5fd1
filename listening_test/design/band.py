"""Conditions whose band ends below the reference's: listeners hear that first, whatever else the method does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from listening_test.design.mapping import Test
from results.store.rows import Key, Row

NARROWER = 0.85
"""Told where a condition's band ends below this share of the reference's."""


def narrower(test: Test, rows: Mapping[Key, Row]) -> Iterator[str]:
    """A line for each such condition, from what the run's check of the audio found."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for stimulus in test.stimuli.values():
        row = rows.get(stimulus.row)
        if row is None or test.conditions[stimulus.condition].role != "system" or "band" not in row.findings:
            continue
        full = test.clips[stimulus.clip].sample_rate / 2
        own, reference = (float(row.findings.get(name, full)) for name in ("band", "clean_band"))
        if own < NARROWER * reference:
            found[stimulus.condition].append((own, reference))
    for condition, ends in found.items():
        own, reference = min(end for end, _ in ends), max(end for _, end in ends)
        yield (
            f"'{condition}' ends at {own / 1000:.1f} kHz on {len(ends)} of {len(test.clips)} clips, the reference at "
            f"{reference / 1000:.1f} kHz: listeners will rate the missing band too; lowpass_7000 among the anchors "
            "shows how much that costs"
        )
