"""An exported test holds what webMUSHRA and BS.1534-3 ask for, and everything in it is traced to the run."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

from bench.commands import mushra
from bench.core import audio
from bench.core.errors import UserError
from listening_test.design import band
from listening_test.design.mapping import KINDS, Stimulus, Test
from listening_test.stimuli import signals
from results.store.folder import Store
from tests.listening_test import rules
from tests.listening_test.conftest import Export

ALL = "[lowpass_3500,lowpass_7000,mixture,mixture_10db]"


def configs(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: rules.parse(path.read_text(encoding="utf-8")) for path in (folder / "served").glob("*.yaml")}


def read(folder: Path, file: str) -> tuple[np.ndarray, int]:
    info = soundfile.info(folder / "served" / file)
    assert (info.format, info.subtype, info.channels) == ("WAV", "PCM_16", 1)
    samples, rate = soundfile.read(folder / "served" / file, dtype="float64")
    return samples, rate


@pytest.mark.parametrize("kind", KINDS)
def test_the_configuration_keeps_webmushras_rules(export: Export, kind: str) -> None:
    folder, test = export(kind=kind, anchors=ALL, clips=8, per_listener=4)
    found = configs(folder)
    paired = kind in ("ab", "abx", "ccr")
    assert found.keys() == test.groups.keys() == {f"group{n + 1}" for n in range(4 if paired else 2)}
    for group, config in found.items():
        rules.check(config)
        assert config == yaml.safe_load((folder / "served" / f"{group}.yaml").read_text(encoding="utf-8"))
        asked = [page["id"] for page in rules.pages(config) if page.get("id", "").startswith("p") and "stimuli" in page]
        assert sorted(asked) == sorted(test.groups[group])
        named = {path for page in rules.pages(config) for path in page.get("stimuli", {}).values()}
        assert all((folder / "served" / path.removeprefix(f"configs/{test.name}/")).is_file() for path in named)


def test_a_page_has_its_training_instructions_volume_questions_and_end(export: Export) -> None:
    folder, test = export()
    types = [page if isinstance(page, list) else page["type"] for page in configs(folder)["group1"]["pages"]]
    shuffled = types.pop(5)
    assert types == ["generic", "volume", "generic", "mushra", "generic", "finish"]
    assert [page["id"] for page in shuffled[1:]] == [
        page for page in test.groups["group1"] if not test.pages[page].training
    ]


def test_stimuli_are_alike_in_length_rate_and_loudness_and_none_clips(export: Export) -> None:
    folder, test = export(anchors=ALL)
    for page in test.pages.values():
        assert page.reference is not None
        files = [page.reference.file, *(answer.file for answer in page.answers.values())]
        assert len(files) == len(set(files)) == 7
        heard = [read(folder, file) for file in files]
        assert len({(samples.size, rate) for samples, rate in heard}) == 1
        for samples, rate in heard:
            assert signals.loudness(samples, rate) == pytest.approx(test.loudness, abs=0.05)
            assert np.abs(samples).max() <= signals.PEAK + 1e-4
            assert abs(samples[0]) < 1e-3 and abs(samples[-1]) < 1e-3
            assert samples.size <= 12 * rate


def test_a_loudness_that_would_clip_is_lowered_for_all(export: Export) -> None:
    folder, test = export(loudness=-1)
    assert test.loudness < -1
    peaks = [np.abs(read(folder, f"audio/{path.name}")[0]).max() for path in (folder / "served" / "audio").iterdir()]
    assert max(peaks) == pytest.approx(signals.PEAK, abs=1e-3)


def test_long_recordings_are_cut(export: Export) -> None:
    folder, test = export(longest=1.0, clips="[clip01,clip02,clip03]", training=0)
    for clip in test.clips.values():
        assert clip.samples <= clip.sample_rate
    assert {read(folder, f"audio/{path.name}")[0].size for path in (folder / "served" / "audio").iterdir()} == {
        clip.samples for clip in test.clips.values()
    }


def test_everything_heard_is_made_again_from_its_row(export: Export, run: Path) -> None:
    """The trace is followed back: row, samples, cut, gain; what comes out is the file that was served."""
    folder, test = export(anchors=ALL)
    store = Store(run)
    rows = store.rows()
    talk = run.parent.parent / "talk"
    for page in test.pages.values():
        for answer in (page.reference, *page.answers.values()):
            assert answer is not None
            [name] = answer.stimuli
            stimulus = test.stimuli[name]
            assert stimulus.row in rows
            clip = test.clips[stimulus.clip]
            source = made_again(stimulus, store, talk)
            assert hashlib.sha256(source.astype("<f4").tobytes()).hexdigest() == stimulus.source_sha256
            heard = source[clip.start : clip.start + clip.samples] * 10 ** (stimulus.gain_db / 20)
            heard = signals.fade(heard, clip.sample_rate, 0.02)
            samples, _ = read(folder, answer.file)
            assert np.abs(samples - heard).max() < 1.5 / 2**15
            assert hashlib.sha256((folder / "served" / answer.file).read_bytes()).hexdigest() == answer.sha256


def made_again(stimulus: Stimulus, store: Store, talk: Path) -> np.ndarray:
    clean, rate = audio.read(talk / "clean" / f"{stimulus.row.utterance}.wav")
    noisy, _ = audio.read(talk / "noisy" / f"{stimulus.row.utterance}.wav")
    match stimulus.condition:
        case "reference":
            return clean
        case "mixture":
            return noisy
        case "mixture_10db":
            return (clean + (noisy - clean) * 10**-0.5).astype(np.float32)
        case "lowpass_3500" | "lowpass_7000":
            return signals.low_pass(clean, rate, float(stimulus.condition.removeprefix("lowpass_")))
    return audio.read(store.audio_path(stimulus.row))[0]


def test_what_is_served_tells_nothing(export: Export) -> None:
    """Neither names nor configuration hold a condition, a clip or a tag; keys differ from page to page."""
    folder, test = export(anchors=ALL)
    served = [path for path in (folder / "served").rglob("*") if path.is_file()]
    text = " ".join(path.relative_to(folder).as_posix() for path in served)
    text += "".join(
        line
        for path in served
        if path.suffix == ".yaml"
        for line in path.read_text("utf-8").splitlines()
        if "content:" not in line
    )
    words = {*test.conditions, "anchor", "noisy", "speaker1", "male", *(clip.utterance for clip in test.clips.values())}
    assert not [word for word in words - {"reference"} if word in text]
    keys = Counter(key for page in test.pages.values() for key in page.answers)
    assert set(keys.values()) == {1}
    assert (folder / "mapping.json").is_file() and not list((folder / "served").rglob("*.json"))


def test_the_mapping_is_read_as_it_was_written(export: Export) -> None:
    folder, test = export(kind="ccr", per_listener=2)
    again = folder / "again"
    again.mkdir()
    test.write(again)
    assert (again / "mapping.json").read_bytes() == (folder / "mapping.json").read_bytes()
    assert Test.read(again) == test


def test_the_same_choices_make_the_same_stimuli_under_other_names(export: Export, tmp_path: Path) -> None:
    """Who knows the run, the seed and the program can compute no name: a secret is in it."""
    (one, first), (two, second) = (export(out=tmp_path / name) for name in ("one", "two"))

    def sounds(folder: Path) -> list[str]:
        return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "served/audio").iterdir())

    assert sounds(one) == sounds(two) and len(sounds(one)) == 5 * 5
    heard = [{(c.utterance, c.start, c.samples) for c in test.clips.values()} for test in (first, second)]
    assert heard[0] == heard[1]
    assert first.name != second.name and first.secret != second.secret and len(first.secret) == 32
    for names in ("clips", "stimuli", "pages"):
        assert not getattr(first, names).keys() & getattr(second, names).keys()
    assert first.secret not in "".join(path.read_text("utf-8") for path in (one / "served").glob("*.yaml"))


def test_files_tell_nothing_by_their_times(export: Export, tmp_path: Path) -> None:
    folder, _ = export(out=tmp_path / "one")
    assert len({path.stat().st_mtime for path in (folder / "served").rglob("*")}) == 1


def test_all_kinds_take_the_same_clips(export: Export) -> None:
    chosen = [{clip.utterance for clip in export(kind=kind, anchors="[]")[1].clips.values()} for kind in KINDS]
    assert all(some == chosen[0] for some in chosen)


def test_the_choice_is_written_down(export: Export) -> None:
    folder, test = export(clips=8, per_listener=4, spread="[snr,si_sdr]")
    with (folder / "choice.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 16
    chosen = {line["utterance"]: line["chosen"] for line in lines if line["chosen"]}
    assert Counter(chosen.values()) == {"group1": 4, "group2": 4, "training": 1}
    assert {clip.utterance for clip in test.clips.values()} == chosen.keys()
    reasons = {line["utterance"]: line["reason"] for line in lines}
    reason = re.compile(
        r"drawn from 4 recordings with sex=\w+, task=\w+, each speaker once a task, spread over snr, si_sdr"
    )
    assert all(reason.fullmatch(reasons[name]) for name, place in chosen.items() if place.startswith("group"))
    assert all(float(line["si_sdr"]) and line["tag_snr"] for line in lines)


def test_groups_are_balanced(export: Export) -> None:
    _, test = export(clips=8, per_listener=4)
    for group in test.groups:
        own = [test.pages[page] for page in test.groups[group] if not test.pages[page].training]
        tags = [test.clips[test.stimuli[next(iter(page.answers))].clip].tags for page in own]
        assert Counter((tag["sex"], tag["task"]) for tag in tags) == {
            (sex, task): 1 for sex in ("male", "female") for task in ("denoise", "dereverb")
        }


@pytest.mark.parametrize("kind", ["ab", "ccr"])
def test_pairs_are_heard_one_after_the_other_in_both_orders(export: Export, kind: str) -> None:
    folder, test = export(kind=kind, anchors="[mixture]", clips=8)
    orders: Counter[tuple[str, ...]] = Counter()
    for page in test.pages.values():
        for answer in page.answers.values():
            first, second = (test.stimuli[name] for name in answer.stimuli)
            assert first.clip == second.clip
            clip = test.clips[first.clip]
            samples, rate = read(folder, answer.file)
            assert samples.size == 2 * clip.samples + rate // 2
            assert not samples[clip.samples : clip.samples + rate // 2].any()
            orders[first.condition, second.condition] += not page.training
    for one, other in (("half", "tenth"), ("mixture", "half"), ("mixture", "tenth")):
        assert orders[one, other] == orders[other, one] == 8  # two groups, in opposite orders


def test_abx_plays_each_of_a_pair_as_x_in_turn(export: Export) -> None:
    _, test = export(kind="abx", anchors="[]", clips=8)
    xs = Counter(
        test.stimuli[page.reference.stimuli[0]].condition
        for page in test.pages.values()
        if page.reference and not page.training
    )
    assert xs == {"half": 8, "tenth": 8}


@pytest.mark.parametrize("clips", [2, 3])
@pytest.mark.parametrize("kind", ["ab", "ccr", "abx"])
def test_two_groups_hear_pairs_in_opposite_orders(export: Export, kind: str, clips: int) -> None:
    _, test = export(kind=kind, anchors="[mixture]", clips=clips, balance="null", once="null")
    heard = {}
    for group, pages in test.groups.items():
        own = [(page, key) for page in pages if not test.pages[page].training for key in test.pages[page].answers]
        pairs = [[(s.clip, s.condition) for s in test.heard(page, key)] for page, key in own]
        heard[group] = {tuple(pair) for pair in pairs}
        orders = Counter(tuple(condition for _, condition in pair) for pair in pairs)
        for one, other in (("half", "tenth"), ("mixture", "half"), ("mixture", "tenth")):
            assert abs(orders[one, other] - orders[other, one]) == clips % 2
        assert set(Counter(pair[0][1] for pair in pairs).values()) == {clips}
    assert heard["group2"] == {(other, one) for one, other in heard["group1"]}


@pytest.mark.parametrize("kind", KINDS)
def test_clips_that_are_rated_twice_have_other_names(export: Export, kind: str) -> None:
    folder, test = export(kind=kind, clips=2, balance="[sex]", once="null", repeats=1)
    asked: Counter[tuple[Any, ...]] = Counter()
    for page in test.groups["group1"]:
        for key in test.keys(page):
            if not test.pages[page].training:
                heard = tuple((stimulus.clip, stimulus.condition) for stimulus in test.heard(page, key))
                asked[heard] += 1
                assert not test.again(page, key) or asked[heard] == 2 or kind != "mushra"
    assert sorted(Counter(asked.values())) == [1, 2]
    files = [answer.file for page in test.pages.values() for answer in page.answers.values()]
    assert (len(set(files)) == len(files) or kind == "abx") and all(
        (folder / "served" / file).is_file() for file in files
    )
    rules.check(configs(folder)["group1"])


def test_the_headphone_check_is_a_page_of_six_tones(export: Export) -> None:
    folder, test = export(headphones_check=True)
    [page] = [page for page in rules.pages(configs(folder)["group1"]) if page.get("id") == "headphones_check"]
    assert page["stimuli"].keys() == test.tones.keys() and len(test.tones) == 6
    assert Counter(tone.right for tone in test.tones.values()) == {"first": 2, "second": 2, "third": 2}
    for tone in test.tones.values():
        samples, rate = soundfile.read(folder / "served" / tone.file)
        parts = [samples[round(start * rate) : round((start + 1) * rate)] for start in (0, 1.5, 3)]
        both = [np.sqrt(np.mean(part**2)) for part in parts]
        mixed = [np.sqrt(np.mean(part.sum(axis=1) ** 2)) / 2 for part in parts]
        quietest = ("first", "second", "third").index(tone.right)
        assert np.argmin(both) == quietest != np.argmin(mixed)  # loudspeakers add both channels
        assert 20 * np.log10(max(both) / min(both)) == pytest.approx(6, abs=0.1) and min(mixed) < 1e-4


def test_texts_consent_and_questions_are_the_experimenters(export: Export, tmp_path: Path) -> None:
    (tmp_path / "de.yaml").write_text("next: Weiter\nage: Ihr Alter\nquestion: <p>Wie gut?</p>\n", encoding="utf-8")
    (tmp_path / "consent.html").write_text("<p>Ich darf\njederzeit gehen.</p>", encoding="utf-8")
    (tmp_path / "asked.yaml").write_text(
        "- {name: hearing, label: Is it impaired, answers: {not: 'no', impaired: 'yes'}}\n"
        "- {name: remarks, label: Anything else, long: true, optional: true}\n"
    )
    folder, _ = export(
        texts=tmp_path / "de.yaml",
        consent=tmp_path / "consent.html",
        questions=tmp_path / "asked.yaml",
        least_seconds=2.5,
    )
    config = configs(folder)["group1"]
    rules.check(config)
    every = {page["type"]: page for page in rules.pages(config)}
    assert every["consent"]["content"] == "<p>Ich darf jederzeit gehen.</p>" and every["consent"]["mustConsent"] is True
    assert every["mushra"]["content"] == "<p>Wie gut?</p>"
    assert config["study"]["captions"]["nextButton"] == "Weiter" and config["study"]["least_seconds"] == 2.5
    asked = {question["name"]: question for question in every["finish"]["questionnaire"]}
    assert asked["age_band"]["label"] == "Ihr Alter"
    assert asked["hearing"]["response"][1] == {"value": "impaired", "label": "yes"}
    assert asked["remarks"]["type"] == "long_text" and asked["remarks"]["optional"] is True
    again = yaml.safe_load((folder / "texts.yaml").read_text(encoding="utf-8"))
    assert again["next"] == "Weiter" and again["play"] == "Play"
    export(texts=folder / "texts.yaml")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("nxt: Weiter", "unknown text in .* 'nxt': did you mean 'next'"),
        ("- a", "not a mapping"),
        ("a: [", "cannot be read as YAML"),
        ("next: [1]", "next is no text"),
    ],
)
def test_texts_with_a_mistake_are_one_line(export: Export, tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "t.yaml").write_text(content)
    with pytest.raises(UserError, match=told):
        export(texts=tmp_path / "t.yaml")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a: b", "no list of questions"),
        ("- {name: x}", "no list of questions"),
        ("- {name: 'a.b', label: x}", "'a.b' is no name"),
        ("- {name: a, label: x, answers: {'1': one}}", "'1' is no name"),
        ("- {name: listener, label: x}", "the name 'listener' is taken"),
    ],
)
def test_questions_with_a_mistake_are_one_line(export: Export, tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "q.yaml").write_text(content)
    with pytest.raises(UserError, match=told):
        export(questions=tmp_path / "q.yaml")


def test_mos_rates_the_hidden_reference_too(export: Export) -> None:
    _, test = export(kind="mos", anchors="[mixture]")
    [page] = [page for page in test.pages.values() if not page.training]
    heard = Counter(test.stimuli[answer.stimuli[0]].condition for answer in page.answers.values())
    assert heard == {"reference": 4, "mixture": 4, "half": 4, "tenth": 4}


def test_own_instructions_take_the_place_of_ours(export: Export, tmp_path: Path) -> None:
    page = tmp_path / "seite.html"
    page.write_text("<p>Bitte Kopfhörer\naufsetzen.</p>", encoding="utf-8")
    folder, _ = export(instructions=page)
    assert configs(folder)["group1"]["pages"][0]["content"] == "<p>Bitte Kopfhörer aufsetzen.</p>"


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"clips": 17, "balance": "null", "once": "null"}, "16 can"),
        ({"clips": 40}, "clips: 40 clips balanced by sex, task, each speaker once a task cannot be had from 16"),
        ({"clips": 16}, "training: 1 more clips are needed for practice, 0 are left"),
        ({"balance": "[dialect]"}, "has no tag 'dialect'"),
        ({"clips": "[clip01,clip99]"}, "unknown recording of the run 'clip99'"),
        ({"conditions": "[hlaf]"}, "unknown method of the run 'hlaf': did you mean 'half'?"),
        ({"conditions": "[{method: half, steps: 5}]"}, "no 'half' with steps 5"),
        ({"conditions": "[half,half]"}, "the name 'half' is taken"),
        ({"conditions": "[noisy]"}, "'mixture' and the condition 'noisy' are the same"),
        ({"anchors": "[lowpass_4000]"}, "unknown anchor 'lowpass_4000': did you mean 'lowpass_7000'?"),
        ({"kind": "mushr"}, "kind: one of mushra, mos, ab, abx, ccr; got 'mushr'; did you mean 'mushra'?"),
        ({"kind": "ab", "conditions": "[half]", "anchors": "[]"}, "kind=ab compares two"),
        ({"longest": 20}, "longest: a number from 1 to 12; got 20"),
        ({"instructions": "/no/such/file"}, "/no/such/file: the instructions cannot be read"),
        ({"repeats": 5}, "repeats: 5 clips are to be rated twice, but a group has 4"),
        ({"clips": "[]"}, "clips: none is named; say how many (clips=10), or which"),
        ({"seed": "x"}, "seed: a whole number from 0 up; got 'x'"),
    ],
)
def test_mistakes_are_one_line(export: Export, keys: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as raised:
        export(**keys)
    assert told in str(raised.value)


def test_more_signals_than_a_page_may_hold_are_refused(export: Export) -> None:
    many = ",".join(f"{{method: half, label: h{index}}}" for index in range(10))
    with pytest.raises(UserError, match="13 signals on a page"):
        export(conditions=f"[{many}]")


def test_a_folder_in_use_is_left_alone(export: Export, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="mine: the output folder is in use"):
        export(out=folder)
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]


def test_clips_that_were_named_are_not_called_balanced(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from bench.commands.mushra import export as command

    command([str(run), "clips=[clip01,clip03,clip01]", "training=0", f"out={tmp_path / 'a'}"])
    assert "clips:      2 clips, as named; 0 for practice" in capsys.readouterr().out


def test_a_run_that_is_not_there(run: Path) -> None:
    from bench.commands.mushra import export as command

    with pytest.raises(UserError, match=r"unknown run in .* 'talk': did you mean 'talks'\?"):
        command(["talk", f"runs_dir={run.parent}"])
    with pytest.raises(UserError, match="nowhere/talk: no run is stored here"):
        command(["talk", "runs_dir=/nowhere"])


@pytest.fixture
def broken(run: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be damaged."""
    return Path(shutil.copytree(run, tmp_path / "runs" / "broken"))


def test_a_condition_that_is_missing_for_a_clip(
    broken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from bench.commands.mushra import export as command

    lines = (broken / "rows.jsonl").read_text().splitlines()
    kept = [line for line in lines if not ('"half"' in line and '"clip03"' in line)]
    assert len(kept) == len(lines) - 1
    (broken / "rows.jsonl").write_text("\n".join(kept) + "\n")
    with pytest.raises(UserError, match="talk/clip03 cannot be listened to: the run has no row of 'half'"):
        command([str(broken), "clips=[clip03]", f"out={tmp_path / 'a'}"])
    command([str(broken), "clips=4", f"out={tmp_path / 'b'}"])
    assert "left out talk/clip03: the run has no row of 'half'" in capsys.readouterr().out
    assert "clip03" not in {clip.utterance for clip in Test.read(tmp_path / "b").clips.values()}
    assert "left out: the run has no row" in (tmp_path / "b" / "choice.csv").read_text()


def test_a_run_that_kept_no_audio(broken: Path, tmp_path: Path) -> None:
    from bench.commands.mushra import export as command

    shutil.rmtree(broken / "audio")
    with pytest.raises(UserError, match=r"kept no audio of this row; run it again with keep_audio=all rescore=true"):
        command([str(broken), "clips=4", f"out={tmp_path / 'a'}"])
    assert not (tmp_path / "a").exists()


def test_a_condition_of_a_narrower_band_than_the_reference_is_told(broken: Path, tmp_path: Path) -> None:
    folder = tmp_path / "b"
    mushra.export([str(broken), "clips=4", f"out={folder}"])
    test, rows = Test.read(folder), dict(Store(broken).rows())
    assert not list(band.narrower(test, rows))
    half = {
        key: dataclasses.replace(row, findings={"band": 4000.0}) for key, row in rows.items() if key.method == "half"
    }
    [told] = band.narrower(test, rows | half)
    assert "'half' ends at 4.0 kHz on 5 of 5 clips, the reference at 8.0 kHz" in told


def test_recordings_that_changed_since_the_run(broken: Path, tmp_path: Path) -> None:
    from bench.commands.mushra import export as command

    manifest = broken / "manifest.json"
    manifest.write_text(re.sub(r'"fingerprint": "\w+"', '"fingerprint": "0"', manifest.read_text()))
    with pytest.raises(UserError, match="the recordings of dataset 'talk' are not what they were"):
        command([str(broken), "clips=4", f"out={tmp_path / 'a'}"])
