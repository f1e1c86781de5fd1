from __future__ import annotations

import numpy as np

from bench.core.types import Score
from results.statistics.panel import panels
from tests.results.conftest import make_row


def test_systems_are_listed_by_paradigm_method_and_steps_whatever_the_order_of_rows() -> None:
    rows = [
        make_row(dataset=dataset, method=method, paradigm=paradigm, steps=steps)
        for dataset in ("a", "b")
        for method, paradigm, steps in (
            ("noisy", "control", None),
            ("z", "predictive", None),
            ("b", "generative", 5),
            ("b", "generative", 30),
            ("storm", "regeneration", 5),
            ("a", "something new", 1),
        )
    ]
    found = panels(reversed(rows), [])
    assert [panel.dataset for panel in found] == ["a", "b"]
    assert [system.rows[0] for panel in found for system in panel.systems] == rows


def test_units_are_speakers_and_recordings_of_nobody_known() -> None:
    speakers = {"a": "x", "b": "y", "c": "x", "d": None}
    rows = [make_row(clip, tags={"speaker": who} if who else {}) for clip, who in speakers.items()]
    (panel,) = panels(rows, [])
    assert (panel.unit, panel.units.tolist()) == ("speaker", [0, 1, 0, 2])
    assert panel.by_unit(np.array([[1.0, 2, 3, 4]])).tolist() == [[4, 2, 4]]
    (other,) = panels(rows, [], cluster="room")
    assert (other.unit, other.units.tolist()) == ("recording", [0, 1, 2, 3])


def test_one_speaker_is_no_reason_to_give_up() -> None:
    (panel,) = panels([make_row(clip, tags={"speaker": "x"}) for clip in "abc"], [])
    assert (panel.unit, panel.unit_count) == ("recording", 3)


def test_tags_come_from_any_row_of_the_recording() -> None:
    rows = [
        make_row("a", method="broken", status="error"),
        make_row("a", tags={"snr": 5}),
        make_row("b", tags={"t60": 0.4}),
    ]
    (panel,) = panels(rows, [])
    assert panel.tags == {"snr": (5, None), "t60": (None, 0.4)}


def test_a_part_is_the_panel_of_those_rows() -> None:
    rows = [
        make_row(clip, method=method, seed=seed, pesq=value, tags={"speaker": who})
        for method in ("m", "n")
        for clip, who, value in (("a", "x", 1.0), ("b", "y", 2.0), ("c", "x", Score.missing("error", "crash")))
        for seed in (0, 1)
    ]
    (panel,) = panels(rows, ["pesq"])
    part = panel.of([1, 2])
    (alone,) = panels([row for row in rows if row.key.utterance != "a"], ["pesq"])
    assert (part.clips, part.tags, part.unit, part.unit_count) == (
        alone.clips,
        alone.tags,
        alone.unit,
        alone.unit_count,
    )
    np.testing.assert_array_equal(part.scores["pesq"].samples, alone.scores["pesq"].samples)
    assert part.scores["pesq"].missing == alone.scores["pesq"].missing == ({1: Score.missing("error", "crash")},) * 2
    assert panel.of([0, 2]).unit == "recording"  # one speaker is left
