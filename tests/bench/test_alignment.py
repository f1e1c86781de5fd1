"""Systems that are late, inverted, short or long: found, undone, or refused as asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from bench.__main__ import main
from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Audio
from bench.run.benchmark import run
from methods.base import METHODS, Enhanced, Method
from results.store.folder import Store
from results.store.rows import Row

RATE = 16000
LATE = round(0.037 * RATE)
NOISE = np.random.default_rng(0).normal(0, 0.1, 4000).astype(np.float32)
Config = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """A folder ``talk`` with clean/ and noisy/ of six clips of 0.6 s: noise like speech in band and envelope."""
    folder = tmp_path / "talk"
    time = np.arange(9600) / RATE
    for index in range(6):
        random = np.random.default_rng(index)
        voice = lfilter([1, -1], [1, -1.8, 0.9], random.normal(0, 0.02, time.size)) * (1.1 + np.sin(20 * time + index))
        clean = voice.astype(np.float32)
        audio.write(folder / "clean" / f"clip{index}.wav", clean, RATE)
        noisy = clean + 0.02 * random.normal(size=clean.size).astype(np.float32)
        audio.write(folder / "noisy" / f"clip{index}.wav", noisy, RATE)
    return folder


LATE_PROGRAM = f"""
import sys, numpy, soundfile
x, rate = soundfile.read(sys.argv[1], dtype="float32")
soundfile.write(sys.argv[2], numpy.pad(x, ({LATE}, 0))[:-{LATE}], rate, subtype="FLOAT")
"""


@METHODS.register("toy_long")
class ToyLong(Method):
    """A plugin whose output is longer by some samples, or, if negative, shorter."""

    def __init__(self, difference: int) -> None:
        self._difference = difference

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        return Enhanced(np.resize(noisy, noisy.size + self._difference))


RESIZING_PROGRAM = """
import sys, numpy, soundfile
x, rate = soundfile.read(sys.argv[1], dtype="float32")
soundfile.write(sys.argv[2], numpy.resize(x, len(x) + int(sys.argv[3])), rate, subtype="FLOAT")
"""


@METHODS.register("toy_late")
class ToyLate(Method):
    """A plugin that does not compensate its 592 samples."""

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        return Enhanced(np.pad(noisy, (LATE, 0))[: noisy.size])


def moved(speech: Audio, samples: float) -> Audio:
    """``speech`` later by any number of samples."""
    size = 4 * speech.size
    spectrum = np.fft.rfft(speech, size) * np.exp(-2j * np.pi * samples * np.fft.rfftfreq(size))
    return np.fft.irfft(spectrum, size)[: speech.size].astype(np.float32)


def theirs(recordings: Path, change: Callable[[Audio], Audio], **options: Any) -> dict[str, Any]:
    """The clean recordings, changed, as another system's output."""
    folder = recordings.parent / "theirs"
    for path in sorted((recordings / "clean").iterdir()):
        speech, rate = audio.read(path)
        audio.write(folder / path.name, change(speech), rate)
    return {"name": "precomputed", "dir": str(folder), "label": "theirs", **options}


def rows(config: dict[str, Any]) -> list[Row]:
    result = run(config)
    assert not result.failures
    return [row for row in Store(result.folder).rows().values() if row.key.method == "theirs"]


def si_sdr(of: list[Row]) -> float:
    return float(np.median([row.scores["si_sdr"].value for row in of]))


@pytest.mark.parametrize(("samples", "within"), [(LATE, 0.1), (0.4, 0.1), (-0.3, 0.1), (LATE + 0.4, 0.1)])
def test_a_delay_is_measured_and_compensated(
    samples: float, within: float, config: Config, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = rows(config(methods=[theirs(recordings, lambda x: moved(x, samples))], run="late"))
    method = theirs(recordings, lambda x: moved(x, samples), delay="auto")
    capsys.readouterr()
    aligned = rows(config(methods=[method], run="aligned"))
    told = capsys.readouterr().err
    assert "theirs: lags by " in told and " samples at 16000 Hz (median of 6 recordings): compensated" in told
    assert [row.adjusted["delay"] for row in aligned] == 6 * [pytest.approx(samples, abs=within)]
    assert si_sdr(aligned) > max(10.0, si_sdr(late) + 5)  # the end that was cut off does not come back


def test_a_forgotten_delay_is_said_before_anything_is_computed(
    config: Config, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = rows(config(methods=[theirs(recordings, lambda x: -moved(x, LATE))]))
    told = capsys.readouterr().err
    assert "lags by 592.00 samples at 16000 Hz (median of 6 recordings); delay: 592 compensates" in told
    assert "has inverted polarity; invert: true undoes it" in told
    mended = rows(config(methods=[theirs(recordings, lambda x: -moved(x, LATE), delay=592, invert=True)], run="m"))
    assert mended[0].adjusted == {"delay": 592, "inverted": 1} and not mended[0].findings
    assert si_sdr(mended) > 10 > si_sdr(late)


@pytest.mark.parametrize("delay", ["auto", pytest.param("37 ms", marks=pytest.mark.slow), LATE])
def test_commands_and_plugins_are_aligned_too(delay: Any, config: Config, tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(LATE_PROGRAM)
    command = {"name": "command", "run": f"{sys.executable} {tmp_path}/late.py {{noisy}} {{enhanced}}"}
    for entry in (command, {"name": "toy_late"}):
        found = rows(config(methods=[{**entry, "delay": delay, "label": "theirs"}], run=entry["name"], limit=2))
        assert [row.adjusted["delay"] for row in found] == 2 * [pytest.approx(LATE, abs=0.05)]
        assert si_sdr(found) > 0


def test_what_was_measured_first_is_kept_when_a_run_goes_on(config: Config, recordings: Path) -> None:
    method = theirs(recordings, lambda x: moved(x, LATE), delay="auto")
    first = rows(config(methods=[method], limit=2))
    manifest = json.loads((Path(config()["runs_dir"]) / "test" / "manifest.json").read_text())
    assert manifest["sessions"][0]["delays"] == {"theirs": "37 ms"}
    more = rows(config(methods=[method]))
    assert len(first) == 2 and len({row.adjusted["delay"] for row in more}) == 1
    run(config(methods=[method]))  # nothing to do, nothing to measure


def test_a_delay_that_cannot_be_measured_is_one_line(config: Config, recordings: Path) -> None:
    def other(speech: Audio) -> Audio:
        return np.random.default_rng(9).normal(0, 0.1, speech.size).astype(np.float32)

    with pytest.raises(UserError, match="theirs: delay: auto: its output resembles none of the recordings"):
        run(config(methods=[theirs(recordings, other, delay="auto")]))


@pytest.mark.parametrize(("change", "difference"), [(lambda x: x[:-2], -2), (lambda x: np.tile(x, 2), 9600)])
def test_other_lengths_are_refused_or_mended_as_asked(
    change: Callable[[Audio], Audio], difference: int, config: Config, recordings: Path
) -> None:
    with pytest.raises(UserError, match=f"tolerance: {abs(difference)} (pads its end|cuts its end)"):
        run(config(methods=[theirs(recordings, change)]))
    mended = rows(config(methods=[theirs(recordings, change, tolerance=abs(difference))]))
    assert {row.adjusted["samples"] for row in mended} == {difference}
    assert si_sdr(mended) > 25


@pytest.fixture(params=["precomputed", "command", "folder", "recipe", "plugin"])
def resized(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[int], dict[str, Any]]:
    """``resized(difference)``: a method whose output is its input with so many samples more, or, if negative, fewer."""
    (tmp_path / "resize.py").write_text(RESIZING_PROGRAM)

    def entry(difference: int) -> dict[str, Any]:
        if request.param == "precomputed":
            audio.write(tmp_path / "made" / "a.wav", np.resize(NOISE, NOISE.size + difference), RATE)
            return {"name": "precomputed", "dir": str(tmp_path / "made")}
        if request.param == "plugin":
            return {"name": "toy_long", "difference": difference}
        folder = request.param == "folder"
        files = "{noisy}/000000.wav {enhanced}/000000.wav" if folder else "{noisy} {enhanced}"
        run = f"{sys.executable} {tmp_path}/resize.py {files} {difference}"
        if request.param == "recipe":
            (tmp_path / "theirs.yaml").write_text(f"run: {run}\n")
            return {"name": "recipe", "system": str(tmp_path / "theirs.yaml")}
        return {"name": "command", "run": run, "mode": "folder" if folder else "file"}

    return entry


@pytest.mark.parametrize(
    ("align", "difference", "refused"),
    [
        (
            "refuse",
            -2,
            "3998 samples, but the noisy recording has 4000; that is 2 fewer than align: refuse allows: .*pad",
        ),
        ("refuse", 4000, "that is 4000 more than align: refuse allows: .*, align: trim cuts its end"),
        ("trim", -2, "that is 2 fewer than align: trim allows: .*, align: pad pads its end with zeros"),
        ("trim", 4000, ""),
        ("pad", -2, ""),
        ("pad", 4000, ""),
    ],
)
def test_align_says_what_is_done_about_a_length(
    align: str, difference: int, refused: str, resized: Callable[[int], dict[str, Any]]
) -> None:
    """Two samples short, and twice as long."""
    options = {**resized(difference), "align": align}
    method = METHODS.create(options.pop("name"), **options)
    if refused:
        with pytest.raises(UserError, match=refused):
            method.enhance(NOISE, RATE, utterance_id="a")
        return
    made = method.enhance(NOISE, RATE, utterance_id="a")
    expected = NOISE.copy()
    expected[NOISE.size + difference :] = 0
    np.testing.assert_array_equal(made.audio, expected)
    assert made.adjusted == {"samples": difference}


@pytest.mark.parametrize("align", ["refuse", "trim", "pad"])
def test_align_leaves_the_recordings_own_length_alone(align: str, resized: Callable[[int], dict[str, Any]]) -> None:
    options = {**resized(0), "align": align}
    made = METHODS.create(options.pop("name"), **options).enhance(NOISE, RATE, utterance_id="a")
    np.testing.assert_array_equal(made.audio, NOISE)
    assert not made.adjusted


def test_the_tolerance_bounds_what_align_mends(tmp_path: Path) -> None:
    audio.write(tmp_path / "a.wav", np.resize(NOISE, NOISE.size + 20), RATE)
    options = {"dir": str(tmp_path), "align": "trim"}
    made = METHODS.create("precomputed", tolerance=20, **options).enhance(NOISE, RATE, utterance_id="a")
    assert made.adjusted == {"samples": 20}
    with pytest.raises(UserError, match=r"20 more than tolerance: 19 allows: .*, tolerance: 20 cuts its end"):
        METHODS.create("precomputed", tolerance=19, **options).enhance(NOISE, RATE, utterance_id="a")
    with pytest.raises(UserError, match=r"20 more than align: refuse allows"):
        METHODS.create("precomputed", tolerance=20, dir=str(tmp_path), align="refuse").enhance(
            NOISE, RATE, utterance_id="a"
        )


def test_what_align_did_stands_in_the_rows(config: Config) -> None:
    found = rows(config(methods=[{"name": "toy_long", "difference": -2, "align": "pad", "label": "theirs"}]))
    assert [row.adjusted for row in found] == 6 * [{"samples": -2}]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"align": "cut"}, "align: refuse, trim, pad or null, got 'cut'"),
        ({"delay": "late"}, r"delay: a number of samples, a time \('30 ms'\) or auto, got 'late'"),
        ({"delay": float("nan")}, "delay: a number"),
        ({"invert": 1}, "invert: true or false"),
        ({"dely": 3}, "'dely': did you mean 'delay'"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: dict[str, Any], reason: str, config: Config, recordings: Path
) -> None:
    with pytest.raises(UserError, match=reason):
        run(config(methods=[{"name": "noisy", **options}]))


def test_a_recipe_can_ask_for_it_and_bench_enhance_does_it(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "late.py").write_text(LATE_PROGRAM)
    (tmp_path / "theirs.yaml").write_text(
        f"run: {sys.executable} {{here}}/late.py {{noisy}} {{enhanced}}\ndelay: auto\ninvert: true\n"
    )
    method = f"method={{name: recipe, system: {tmp_path / 'theirs.yaml'}}}"
    assert main(["enhance", str(recordings / "noisy"), f"out={tmp_path / 'out'}", method, "workers=0"]) == 0
    assert "recipe: lags by 592.00 samples" in capsys.readouterr().err
    made = json.loads((tmp_path / "out" / "enhanced.jsonl").read_text().splitlines()[-1])
    assert made["adjusted"] == {"delay": pytest.approx(LATE, abs=0.05), "inverted": 1}
