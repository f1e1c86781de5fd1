"""A run computes what is missing, once; serial and parallel runs agree; failures are rows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.__main__ import main
from bench.core import audio
from bench.core.errors import UserError
from bench.run.benchmark import Result, run
from results.store.folder import Store
from results.store.rows import Key, Row
from tests.bench.conftest import RATE, noise, speechlike

Config = Callable[..., dict[str, Any]]


def stored(folder: Path) -> dict[Key, Row]:
    return Store(folder).rows()


def untimed(rows: Mapping[Key, Row]) -> dict[Key, Row]:
    """Rows without what the clock says."""
    return {key: replace(row, enhance_seconds=None) for key, row in rows.items()}


def calls(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


@pytest.mark.usefixtures("drawn")
def test_a_run_leaves_rows_audio_leaderboard_plots_and_manifest(config: Config) -> None:
    result = run(config(metrics=["si_sdr", {"name": "si_sdr", "label": "again"}], steps=[1, 4], seeds=[0, 1]))
    assert (result.asked, result.computed, result.failures) == (6 + 6 * 4, 6 + 6 * 4, {})
    rows = stored(result.folder)
    assert len(rows) == 30
    store = Store(result.folder)
    for key, row in rows.items():
        assert row.status == "ok"
        assert row.nfe == (0 if key.method == "noisy" else key.steps)
        assert row.seconds == 0.6
        assert row.enhance_seconds is not None and row.enhance_seconds > 0
        assert row.rtf is None
        assert row.scores["again"] == row.scores["si_sdr"]
        samples, rate = audio.read(store.audio_path(key))
        assert (len(samples), rate) == (9600, RATE)
    header = (result.folder / "leaderboard.csv").read_text().splitlines()
    assert len(header) == 1 + 1 + 2  # noisy, and the toy with each number of steps
    assert list((result.folder / "plots").glob("*.png"))


def test_the_manifest_says_what_the_run_was_made_of(config: Config) -> None:
    manifest = Store(run(config()).folder).read_manifest()
    assert manifest is not None
    assert manifest["methods"]["toy_diffusion"]["name"] == "toy_diffusion"
    assert len(manifest["datasets"]["talk"]["fingerprint"]) == 64
    assert manifest["metrics"]["si_sdr"]["shown"]["label"] == "SI-SDR"
    [session] = manifest["sessions"]
    assert session["config"]["steps"] == [3]
    assert session["started"] <= session["ended"]
    assert session["versions"]["torch"]
    assert session["machine"]["cores"] >= 1


def test_the_same_run_again_computes_nothing(config: Config, tmp_path: Path) -> None:
    toy = {"name": "toy_diffusion", "log": str(tmp_path / "log")}
    first = run(config(methods=[toy]))
    before = (first.folder / "rows.jsonl").read_bytes()
    again = run(config(methods=[toy]))
    assert (again.asked, again.computed) == (6, 0)
    assert (first.folder / "rows.jsonl").read_bytes() == before
    assert calls(tmp_path / "log") == 6


def test_more_of_everything_is_added_to_a_run(config: Config) -> None:
    run(config(limit=2))
    result = run(config(limit=3, steps=[3, 5], seeds=[0, 1], methods=["noisy", "toy_diffusion", "toy_predictor"]))
    # 3 clips x (noisy, toy with 2 x 2, predictor), less 2 clips x (noisy, toy)
    assert (result.asked, result.computed) == (18, 14)


def test_a_new_metric_scores_stored_audio_without_enhancing(config: Config, tmp_path: Path) -> None:
    toy = {"name": "toy_diffusion", "log": str(tmp_path / "log")}
    run(config(methods=[toy]))
    later = run(config(methods=[toy], metrics=["stoi"]))
    together = run(config(methods=["toy_diffusion"], metrics=["si_sdr", "stoi"], run="together"))
    assert later.computed == calls(tmp_path / "log") == 6
    assert untimed(stored(later.folder)) == untimed(stored(together.folder))


def test_without_stored_audio_a_new_metric_enhances_again_and_loses_no_score(config: Config, tmp_path: Path) -> None:
    toy = {"name": "toy_diffusion", "log": str(tmp_path / "log")}
    run(config(methods=[toy], keep_audio="none"))
    result = run(config(methods=[toy], metrics=["stoi"], keep_audio="none"))
    assert calls(tmp_path / "log") == 12
    assert not (result.folder / "audio").exists()
    assert all(set(row.scores) == {"si_sdr", "stoi"} for row in stored(result.folder).values())


def test_a_sample_of_the_audio_is_kept_of_the_same_recordings_for_all(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.run.benchmark.AUDIO_SAMPLE", 2)
    folder = run(config(keep_audio="sample")).folder
    kept = [path.stem for path in folder.rglob("*.wav")]
    assert len(kept) == 4 and len(set(kept)) == 2


def test_the_former_name_of_keep_audio_is_taken_and_told(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    given = {key: value for key, value in config(limit=1).items() if key != "keep_audio"}
    folder = run({**given, "save_audio": False}).folder
    assert not list(folder.rglob("*.wav"))
    assert "save_audio is now keep_audio: taken for keep_audio=none" in capsys.readouterr().err
    assert main(["run", "save_audio=true", "--cfg"]) == 0
    assert "keep_audio: all" in capsys.readouterr().out


def test_a_run_begun_by_an_earlier_version_keeps_its_recordings(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run(config(methods=["noisy"])).folder
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["drawn"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "rows.jsonl").write_text("".join((folder / "rows.jsonl").read_text().splitlines(keepends=True)[:2]))
    result = run(config(methods=["noisy"], limit=3))
    assert (result.asked, result.computed) == (3, 1)
    assert "goes on with those" in capsys.readouterr().err


def test_damaged_audio_is_made_again(config: Config) -> None:
    first = run(config(methods=["toy_diffusion"]))
    path = Store(first.folder).audio_path(next(iter(stored(first.folder))))
    whole = path.read_bytes()
    path.write_bytes(whole[:30])
    result = run(config(methods=["toy_diffusion"], metrics=["stoi"]))
    assert not result.failures
    assert path.read_bytes() == whole


def test_scores_of_a_metric_with_other_options_are_computed_again_when_asked(config: Config) -> None:
    run(config(metrics=["toy_metric"]))
    broken = {"name": "toy_metric", "broken": True}
    assert run(config(metrics=[broken])).computed == 0
    result = run(config(metrics=[broken], rescore="outdated"))
    assert len(result.failures) == result.computed == 12


def test_rescoring_computes_every_score_again_and_nothing_else(config: Config, tmp_path: Path) -> None:
    toy = {"name": "toy_diffusion", "log": str(tmp_path / "log")}
    first = run(config(methods=[toy]))
    before = stored(first.folder)
    assert run(config(methods=[toy], rescore=True)).computed == calls(tmp_path / "log") == 6
    assert stored(first.folder) == before


@pytest.mark.usefixtures("ray")
def test_parallel_and_serial_runs_agree_to_the_last_bit(config: Config) -> None:
    changes = {"steps": [1, 3], "seeds": [0, 1], "metrics": ["si_sdr", "estoi"]}
    serial, parallel = run(config(run="serial", **changes)), run(config(run="parallel", workers=2, **changes))
    assert untimed(stored(serial.folder)) == untimed(stored(parallel.folder))
    one, other = Store(serial.folder), Store(parallel.folder)
    for key in stored(serial.folder):
        assert one.audio_path(key).read_bytes() == other.audio_path(key).read_bytes()


def test_noise_differs_with_seed_clip_and_steps_but_not_with_label_or_company(config: Config, recordings: Path) -> None:
    def drawn(folder: Path) -> dict[tuple[int | None, int | None, str], np.ndarray]:
        store = Store(folder)
        return {
            (key.steps, key.seed, key.utterance): (
                audio.read(store.audio_path(key))[0] - audio.read(recordings / "noisy" / f"{key.utterance}.wav")[0]
            )
            * 100
            * (key.steps or 1)
            for key in stored(folder)
            if key.method != "noisy"
        }

    first = drawn(run(config(steps=[1, 2], seeds=[0, 1], limit=2)).folder)
    names = list(first)
    for index, name in enumerate(names):
        for other in names[:index]:
            assert abs(np.corrcoef(first[name], first[other])[0, 1]) < 0.1
    alone = drawn(
        run(config(run="alone", methods=[{"name": "toy_diffusion", "label": "x"}], steps=[2], limit=1)).folder
    )
    (name,) = alone
    np.testing.assert_array_equal(alone[name], first[name])


@pytest.mark.usefixtures("ray")
def test_a_crashing_process_costs_its_clip_and_is_tried_again(config: Config) -> None:
    crash = {"name": "toy_predictor", "abort_on": "clip2"}
    for _ in range(2):
        result = run(config(methods=["noisy", crash], workers=1))
        assert [key.utterance for key in result.failures] == ["clip2"]
        assert "process died" in next(iter(result.failures.values()))
        rows = stored(result.folder)
        assert sum(row.status == "ok" for row in rows.values()) == 11
    assert result.computed == 1


def test_a_failing_method_leaves_rows_with_reasons_and_a_traceback_in_the_log(config: Config, tmp_path: Path) -> None:
    toy = {"name": "toy_diffusion", "fail_on": "clip1"}
    result = run(config(methods=["noisy", toy]))
    assert result.reasons() == ["1 x ZeroDivisionError: the toy broke (talk/clip1, toy_diffusion, 3 steps, seed 0)"]
    row = stored(result.folder)[Key("talk", "toy_diffusion", 3, 0, "clip1")]
    assert (row.status, row.scores, row.paradigm) == ("error", {}, "generative")
    assert "Traceback" in (result.folder / "errors.log").read_text()


def test_a_failing_score_keeps_the_row_and_its_audio_and_is_tried_again(config: Config, tmp_path: Path) -> None:
    toy = {"name": "toy_diffusion", "log": str(tmp_path / "log")}
    broken = {"name": "toy_metric", "broken": True}
    result = run(config(methods=[toy], metrics=["si_sdr", broken], limit=1))
    assert list(result.failures.values()) == ["toy_metric: RuntimeError: the toy broke"]
    [row] = stored(result.folder).values()
    assert (row.status, row.scores["si_sdr"].status, row.scores["toy_metric"].status) == ("ok", "ok", "error")
    again = run(config(methods=[toy], metrics=["si_sdr", "toy_metric"], limit=1))
    assert (again.computed, again.failures, calls(tmp_path / "log")) == (1, {}, 1)
    assert run(config(methods=[toy], metrics=["si_sdr"], limit=1)).computed == 0


BAD = {
    "corrupt": "not a readable audio file",
    "empty": "not a readable audio file",
    "nan": "NaN",
    "longer": "samples",
    "rate": "Hz",
    "unpaired": "no clean file",
}


@pytest.fixture
def bad_recordings(recordings: Path) -> Path:
    """Beside the six good ones: one for each way to be bad, and two that are odd but allowed."""
    clean, noisy = recordings / "clean", recordings / "noisy"
    speech = speechlike(0.6)
    for name in (*BAD, "silent"):
        audio.write(noisy / f"{name}.wav", speech + noise(speech.size), RATE)
        if name != "unpaired":
            audio.write(clean / f"{name}.wav", speech, RATE)
    (noisy / "corrupt.wav").write_bytes(b"RIFF and then nothing of use")
    (noisy / "empty.wav").write_bytes(b"")
    audio.write(noisy / "nan.wav", np.full(speech.size, np.nan, np.float32), RATE)
    audio.write(clean / "longer.wav", np.append(speech, speech), RATE)
    audio.write(clean / "rate.wav", speech, 8000)
    audio.write(clean / "silent.wav", np.zeros_like(speech), RATE)
    for folder in (clean, noisy):
        audio.write(folder / "sample.wav", np.full(1, 0.1, np.float32), RATE)
    return recordings


def test_bad_recordings_are_rows_with_reasons_and_the_run_goes_on(config: Config, bad_recordings: Path) -> None:
    result = run(config(methods=["noisy"], metrics=["pesq", "si_sdr"]))
    assert {key.utterance for key in result.failures} == set(BAD)
    for key, reason in result.failures.items():
        assert BAD[key.utterance] in reason
        assert f"{key.utterance}.wav" in reason
    rows = {key.utterance: row for key, row in stored(result.folder).items()}
    assert len(rows) == 6 + len(BAD) + 2
    assert rows["silent"].scores["si_sdr"].status == "undefined"
    assert rows["sample"].scores["pesq"].status == "undefined"
    assert not (result.folder / "errors.log").exists()  # user mistakes are no bugs


def test_without_clean_speech_scores_are_skipped_and_nothing_failed(config: Config, tmp_path: Path) -> None:
    audio.write(tmp_path / "raw" / "noisy" / "a.wav", speechlike(0.5), RATE)
    result = run(config(datasets=[str(tmp_path / "raw")], methods=["noisy"]))
    assert not result.failures
    assert stored(result.folder)[Key("raw", "noisy", None, None, "a")].scores["si_sdr"].status == "skipped"


def test_changed_data_or_weights_under_the_same_label_are_refused(config: Config, recordings: Path) -> None:
    run(config())
    with pytest.raises(UserError, match=r"method 'toy_diffusion' were computed with another seconds \(None, now 0.1\)"):
        run(config(methods=[{"name": "toy_diffusion", "seconds": 0.1}]))
    audio.write(recordings / "noisy" / "clip0.wav", noise(9600, 7), RATE)
    with pytest.raises(UserError, match="dataset 'talk' were computed with another fingerprint"):
        run(config())
    run(config(datasets=[{"name": str(recordings), "label": "new"}]))


def test_labels_must_differ(config: Config, recordings: Path) -> None:
    with pytest.raises(UserError, match="methods: two entries are called 'noisy'; give one a label"):
        run(config(methods=["noisy", "noisy"]))
    with pytest.raises(UserError, match="datasets: two entries are called 'talk'"):
        run(config(datasets=[str(recordings), str(recordings)]))


def test_a_folder_that_cannot_be_written_is_one_line(config: Config, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=str(tmp_path / "file")):
        run(config(runs_dir=str(tmp_path / "file")))


def test_the_commonest_reasons_come_first() -> None:
    keys = [Key("d", "m", None, None, str(index)) for index in range(9)]
    failures = {key: "often" if index < 4 else f"reason {index}" for index, key in enumerate(keys)}
    lines = Result(Path(), 9, 9, failures).reasons(most=2)
    assert lines == ["4 x often (d/0, m)", "1 x reason 4 (d/4, m)", "and 4 other reasons"]


def test_the_manifest_is_there_before_the_first_row(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.run.benchmark.execute", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(config())
    text = next(Path(config()["runs_dir"]).glob("test/manifest.json")).read_text()
    assert json.loads(text)["sessions"][0]["ended"] is None


def test_what_a_killed_run_left_half_written_goes_with_the_next(config: Config) -> None:
    folder = run(config(limit=1)).folder
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = [folder / f".{gone.pid}.manifest.json", next(folder.rglob("*.wav")).parent / f".{gone.pid}.clip9.wav"]
    for path in left:
        path.write_bytes(b"half")
    run(config(limit=1))
    assert not any(path.exists() for path in left)


@pytest.mark.parametrize("how", ["gone", "empty"])
def test_a_run_without_its_manifest_is_not_taken_over(config: Config, how: str) -> None:
    folder = run(config(limit=1)).folder
    manifest, rows = folder / "manifest.json", (folder / "rows.jsonl").read_bytes()
    whole = manifest.read_bytes()
    manifest.unlink() if how == "gone" else manifest.write_bytes(b"")
    with pytest.raises(UserError, match=r"rows are stored here, but no manifest\.json.*put it back"):
        run(config(limit=2))
    assert (folder / "rows.jsonl").read_bytes() == rows
    manifest.write_bytes(whole)
    assert run(config(limit=2)).computed > 0
