"""What is planned is what was asked for, once, minus what is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.core.errors import UserError
from bench.core.types import Score
from bench.run import parts
from bench.run.plan import Cell, keys, plan
from bench.run.settings import Settings
from results.store.rows import Key, Row

Config = Callable[..., dict[str, Any]]
VERSIONS = {"pesq": "1", "stoi": "2"}
KEY = Key("talk", "noisy", None, None, "a")
ROW = Row(
    KEY,
    "control",
    "ok",
    scores={"pesq": Score(1.5), "stoi": Score.missing("undefined", "silent")},
    metric_versions=VERSIONS,
)


def asked(settings: Settings) -> list[Key]:
    return keys(settings, parts.of(settings, "cpu"))


def test_cells_are_methods_by_datasets_by_steps_by_seeds_by_utterances(config: Config) -> None:
    settings = Settings.of(config(methods=["toy_diffusion"], steps=[1, 2, 4], seeds=[0, 1]))
    cells = asked(settings)
    assert len(cells) == len(set(cells)) == 6 * 3 * 2
    assert {(key.steps, key.seed) for key in cells} == {(n, s) for n in (1, 2, 4) for s in (0, 1)}


def test_methods_without_steps_and_randomness_are_asked_once(config: Config) -> None:
    settings = Settings.of(config(methods=["toy_predictor"], steps=[1, 2, 4], seeds=[0, 1]))
    assert [(key.steps, key.seed) for key in asked(settings)] == [(None, None)] * 6


def test_every_method_has_the_first_utterance_before_any_has_the_second(config: Config) -> None:
    cells = asked(Settings.of(config()))
    assert [key.utterance for key in cells] == sorted(key.utterance for key in cells)


def test_limit_takes_the_first_utterances_of_each_dataset(config: Config) -> None:
    cells = asked(Settings.of(config(methods=["noisy"], limit=2)))
    assert [key.utterance for key in cells] == ["clip0", "clip1"]


def planned(row: Row | None, *, versions: dict[str, str] = VERSIONS, audio: bool = True, again: Any = False) -> Any:
    return list(plan([KEY], {KEY: row} if row else {}, versions, lambda _: audio, again))


def test_nothing_is_planned_for_a_full_row() -> None:
    assert planned(ROW) == []


def test_everything_is_planned_for_an_absent_or_failed_row() -> None:
    everything = [Cell(KEY, ("pesq", "stoi"), enhance=True)]
    assert planned(None) == everything
    assert planned(Row(KEY, "control", "error", "broke")) == everything


def test_a_lacking_score_needs_no_enhancement_where_the_audio_is_stored() -> None:
    versions = {**VERSIONS, "si_sdr": "3"}
    assert planned(ROW, versions=versions) == [Cell(KEY, ("si_sdr",), enhance=False)]
    assert planned(ROW, versions=versions, audio=False) == [Cell(KEY, ("si_sdr",), enhance=True)]


def test_failed_scores_are_planned_again_and_undefined_ones_are_not() -> None:
    failed = replace(ROW, scores={**ROW.scores, "pesq": Score.missing("error", "broke")})
    assert planned(failed) == [Cell(KEY, ("pesq",), enhance=False)]


def test_scores_of_another_version_are_planned_again_only_when_asked() -> None:
    versions = {**VERSIONS, "stoi": "3"}
    assert planned(ROW, versions=versions) == []
    assert planned(ROW, versions=versions, again="outdated") == [Cell(KEY, ("stoi",), enhance=False)]
    assert planned(ROW, again="outdated") == []


def test_rescoring_takes_no_stored_score() -> None:
    assert planned(ROW, again=True) == [Cell(KEY, ("pesq", "stoi"), enhance=False)]


def test_stored_rows_that_nobody_asked_for_change_nothing() -> None:
    other = replace(ROW, key=replace(KEY, utterance="b"))
    assert list(plan([KEY], {KEY: ROW, other.key: other}, VERSIONS, lambda _: True)) == []


def test_a_runs_precision_is_an_option_of_the_methods_that_have_one_and_name_none(config: Config) -> None:
    methods = ["noisy", "ncsnpp_m", {"name": "storm", "precision": "float32"}]
    run = Settings.of(config(methods=methods, precision="bfloat16", compile=True))
    options = {label: recipe.options for label, recipe in parts.of(run, "cpu").methods.items()}
    assert options == {
        "noisy": {},
        "ncsnpp_m": {"precision": "bfloat16", "compile": True},
        "storm": {"precision": "float32", "compile": True},
    }
    with pytest.raises(UserError, match="precision=bfloat16: none of the methods takes it"):
        parts.of(Settings.of(config(methods=["noisy"], precision="bfloat16")), "cpu")
