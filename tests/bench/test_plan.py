"""What is planned is what was asked for, once, minus what is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.core.errors import UserError
from bench.core.types import Score
from bench.run.assembly import assembled
from bench.run.draw import draw
from bench.run.plan import Cell, keys, plan
from bench.run.settings import Settings
from bench.run.shard import Shard
from results.store.rows import Key, Row
from results.store.standings import Standing

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
    return keys(settings, assembled(settings, "cpu"))


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


def test_limit_draws_the_same_utterances_every_time_and_more_contain_fewer(config: Config) -> None:
    def drawn(limit: int) -> list[str]:
        return [key.utterance for key in asked(Settings.of(config(methods=["noisy"], limit=limit)))]

    assert drawn(2) == drawn(2) == sorted(drawn(2))
    assert all(set(drawn(count)) < set(drawn(count + 1)) for count in range(1, 6))
    assert len(drawn(9)) == 6


def test_a_run_of_an_earlier_version_goes_on_with_the_first_utterances(config: Config) -> None:
    settings = Settings.of(config(methods=["noisy"], limit=2))
    old = keys(settings, assembled(settings, "cpu"), "first")
    assert [key.utterance for key in old] == ["clip0", "clip1"]


def test_shards_are_parts_of_the_whole_alike_for_all_methods(config: Config) -> None:
    whole = asked(Settings.of(config()))
    shares = [asked(Settings.of(config(shard=f"{number}/2"))) for number in (1, 2)]
    assert sorted(shares[0] + shares[1]) == sorted(whole)
    assert not {key.utterance for key in shares[0]} & {key.utterance for key in shares[1]}


def test_shards_are_of_about_one_size() -> None:
    names = [f"p232_{number:03}" for number in range(2000)]
    sizes = Counter(number for name in names for number in range(1, 9) if Shard(number, 8).has("voicebank", name))
    assert sizes.total() == 2000 and len(sizes) == 8 and all(190 < size < 310 for size in sizes.values())


def test_shards_of_a_draw_are_parts_of_the_draw(config: Config) -> None:
    drawn = asked(Settings.of(config(limit=4)))
    for number in (1, 2):
        if share := [key for key in drawn if Shard(number, 2).has(key.dataset, key.utterance)]:
            assert asked(Settings.of(config(limit=4, shard=f"{number}/2"))) == share


@pytest.mark.parametrize("shard", ["0/4", "5/4", "3", "1/0", "-1/4", "a/b", "1/4/2", ""])
def test_what_is_no_shard_is_refused(config: Config, shard: str) -> None:
    with pytest.raises(UserError, match="shard: "):
        Settings.of(config(shard=shard))


def test_a_shard_without_recordings_is_told(config: Config) -> None:
    empty = next(f"{n}/50" for n in range(1, 51) if not any(Shard(n, 50).has("talk", f"clip{i}") for i in range(6)))
    with pytest.raises(UserError, match=f"none of the recordings is in shard {empty}"):
        asked(Settings.of(config(shard=empty)))


TAGS = {
    f"{speaker}_{number}": {"speaker": speaker, "snr": snr}
    for speaker, recordings in (("a", 30), ("b", 10), ("c", 10))
    for number, snr in zip(range(recordings), [0, 5, 10, 15, 20] * 6, strict=False)
}


@pytest.mark.parametrize("count", [3, 5, 15, 30])
def test_a_draw_is_balanced_over_speakers_and_snrs(count: int) -> None:
    drawn = draw("talk", TAGS, count)
    assert drawn == [name for name in TAGS if name in drawn] and len(drawn) == count
    for tag, kinds in (("speaker", 3), ("snr", 5)):
        numbers = Counter(TAGS[name][tag] for name in drawn)
        assert max(numbers.values()) - min([*numbers.values(), *[0] * (len(numbers) < kinds)]) <= 1
    assert drawn != draw("other", TAGS, count)


def test_snrs_of_many_values_are_taken_in_levels() -> None:
    tags = {f"{number:02}": {"SNR": number / 7} for number in range(40)}
    drawn = draw("talk", tags, 8)
    assert Counter(int(name) // 10 for name in drawn) == {0: 2, 1: 2, 2: 2, 3: 2}


def test_recordings_without_tags_are_drawn_at_random() -> None:
    names = {f"{number:03}": {} for number in range(100)}
    drawn = draw("talk", names, 50)
    assert 10 < sum(int(name) < 50 for name in drawn) < 40


def planned(row: Row | None, *, versions: dict[str, str] = VERSIONS, audio: bool = True, again: Any = False) -> Any:
    return list(plan([KEY], {KEY: Standing.of(row)} if row else {}, versions, lambda _: audio, again))


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
    assert list(plan([KEY], dict.fromkeys((KEY, other.key), Standing.of(ROW)), VERSIONS, lambda _: True)) == []


def test_a_runs_precision_is_an_option_of_the_methods_that_have_one_and_name_none(config: Config) -> None:
    methods = ["noisy", "ncsnpp_m", {"name": "storm", "precision": "float32"}]
    run = Settings.of(config(methods=methods, precision="bfloat16", compile=True))
    options = {label: recipe.options for label, recipe in assembled(run, "cpu").methods.items()}
    assert options == {
        "noisy": {},
        "ncsnpp_m": {"precision": "bfloat16", "compile": True},
        "storm": {"precision": "float32", "compile": True},
    }
    with pytest.raises(UserError, match="precision=bfloat16: none of the methods takes it"):
        assembled(Settings.of(config(methods=["noisy"], precision="bfloat16")), "cpu")
