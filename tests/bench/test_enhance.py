"""``bench enhance``: a folder into a folder, continued, never overwritten; a bad file costs itself alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

from bench.__main__ import main
from bench.core import audio
from bench.core.seeds import stable_seed
from bench.core.types import Utterance
from methods.base import METHODS, Enhanced, Method, create
from tests.bench.conftest import RATE, noise
from tests.bench.toys import ToyDiffusion


@METHODS.register("toy_48k")
class Toy48(Method):
    """Halves what it is given, at 48 kHz."""

    sample_rate = 48000

    def enhance_one(
        self,
        noisy: np.ndarray,
        sample_rate: int,
        steps: int | None,
        generator: torch.Generator,
        utterance_id: str | None,
    ) -> Enhanced:
        return Enhanced(noisy / 2)


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    """Three recordings, one of them FLAC and one at 8 kHz, and a text."""
    folder = tmp_path / "noisy"
    audio.write(folder / "a.wav", noise(RATE, 0), RATE)
    audio.write(folder / "anna/b.flac", noise(RATE, 1), RATE, "PCM_16")
    audio.write(folder / "anna/c.d.wav", noise(8000, 2), 8000)
    (folder / "notes.txt").write_text("not a recording")
    return folder


def enhance(*arguments: object) -> int:
    return main(["enhance", *map(str, arguments), "workers=0"])


def made(folder: Path) -> dict[str, tuple[np.ndarray, int]]:
    return {path.relative_to(folder).as_posix(): audio.read(path) for path in sorted(folder.rglob("[!.]*.wav"))}


def test_names_rates_and_lengths_are_kept(noisy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert enhance(noisy, f"out={out}", "method=noisy") == 0
    found = made(out)
    assert {name: (speech.size, rate) for name, (speech, rate) in found.items()} == {
        "a.wav": (RATE, RATE),
        "anna/b.wav": (RATE, RATE),
        "anna/c.d.wav": (8000, 8000),
    }
    assert np.array_equal(found["a.wav"][0], noise(RATE, 0))
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0] == "3 files enhanced now, 0 were there already, 0 failed"
    assert f"note: {noisy}: not read: 1 x no audio (notes.txt)" in printed.err


def test_it_is_the_methods_own_enhance(noisy: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert enhance(noisy, f"out={out}", "method=toy_diffusion", "steps=3", "seed=7") == 0
    seed = stable_seed(7, "anna/b", "toy_diffusion", 3)
    expected = ToyDiffusion().enhance(*audio.read(noisy / "anna/b.flac"), 3, seed)
    assert np.array_equal(made(out)["anna/b.wav"][0], expected.audio)


def test_batches_pieces_and_precision_are_said_in_the_record_and_change_no_more_than_they_must(
    noisy: Path, tmp_path: Path
) -> None:
    plain, other = tmp_path / "plain", tmp_path / "other"
    audio.write(noisy / "long.wav", noise(5 * RATE, 3), RATE)
    assert enhance(noisy, f"out={plain}", "method=ncsnpp_m") == 0
    assert enhance(noisy, f"out={other}", "method=ncsnpp_m", "batch=2", "piece=4") == 0
    ours, theirs = made(plain), made(other)
    for name in ("a.wav", "anna/b.wav"):  # of one length; the third is at another rate
        assert np.abs(ours[name][0] - theirs[name][0]).max() <= 1e-4 * np.abs(ours[name][0]).max()
    entries = [json.loads(line) for line in (other / "enhanced.jsonl").read_text().splitlines()[1:]]
    told = {entry["file"]: entry.get("computing") for entry in entries}
    assert told["a.wav"] == {"batch": 2} and told["anna/c.d.wav"] is None
    assert told["long.wav"] == {"batch": 2, "pieces": 2}
    assert enhance(noisy, f"out={other}", "method=ncsnpp_m", "precision=bfloat16") == 2  # no mixture
    assert enhance(noisy, f"out={tmp_path / 'half'}", "method=ncsnpp_m", "precision=bfloat16") == 0


@pytest.mark.parametrize(("rate", "sizes"), [("input", {RATE, 8000}), ("model", {48000})])
def test_at_the_inputs_or_the_methods_rate(
    noisy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], rate: str, sizes: set[int]
) -> None:
    assert enhance(noisy, f"out={tmp_path / 'out'}", "method=toy_48k", f"rate={rate}") == 0
    found = made(tmp_path / "out").values()
    assert {speech.size for speech, _ in found} == {written for _, written in found} == sizes
    told = "works at 48000 Hz: recordings at another rate were resampled there and back" in capsys.readouterr().err
    assert told == (rate == "input")


def test_the_same_command_continues(noisy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    method = f"method={{name: toy_predictor, log: {log}}}"
    assert enhance(noisy, f"out={out}", method) == 0
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.wav")}
    (out / "anna/b.wav").unlink()
    audio.write(noisy / "new.wav", noise(100), RATE)
    capsys.readouterr()
    assert enhance(noisy, f"out={out}", method) == 0
    assert "2 files enhanced now, 2 were there already" in capsys.readouterr().out
    assert log.read_text().split() == ["a", "anna/b", "anna/c.d", "anna/b", "new"]
    assert all(path.stat().st_mtime_ns == time for path, time in before.items() if path.name != "b.wav")


def test_a_kill_before_the_file_has_its_name_costs_that_file_alone(noisy: Path, tmp_path: Path) -> None:
    """The record says so before the file is there; a line that was cut off says nothing."""
    out = tmp_path / "out"
    assert enhance(noisy, f"out={out}", "method=noisy") == 0
    record = out / "enhanced.jsonl"
    (out / "anna/c.d.wav").unlink()
    record.write_text(record.read_text()[:-20])
    left = out / "anna/.99999999.part.wav"
    left.write_bytes(b"half a file")
    assert enhance(noisy, f"out={out}", "method=noisy") == 0
    assert len(made(out)) == 3 and not left.exists()
    entries = [json.loads(line) for line in record.read_text().splitlines()]
    assert [entry.get("file") for entry in entries] == [None, "a.wav", "anna/b.wav", "anna/c.d.wav"]


def test_one_line_for_a_bad_file_and_the_rest_is_made(
    noisy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (noisy / "bad.wav").write_bytes(b"no sound")
    (noisy / "empty.wav").touch()
    os.mkfifo(noisy / "pipe.wav")
    method = "method={name: toy_predictor, fail_on: anna/b}"
    assert enhance(noisy, f"out={tmp_path / 'out'}", method) == 1
    printed = capsys.readouterr()
    assert "2 files enhanced now, 0 were there already, 3 failed" in printed.out
    lines = [line for line in printed.err.splitlines() if line.startswith("bench: ")]
    assert len(lines) == 3
    for name, reason in {
        "bad.wav": "not a readable audio file",
        "empty.wav": "not a readable audio file",
        "anna/b.flac": "ZeroDivisionError: the toy broke",
    }.items():
        assert any(line.startswith(f"bench: {noisy / name}: {reason}") for line in lines)
    assert "1 x named pipe (pipe.wav)" in printed.err
    assert sorted(made(tmp_path / "out")) == ["a.wav", "anna/c.d.wav"]


def test_nothing_is_overwritten(noisy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    audio.write(out / "anna/b.wav", noise(5), RATE)
    assert enhance(noisy, f"out={out}", "method=noisy") == 2
    assert f"{out}/anna/b.wav: there already and not made by this command" in capsys.readouterr().err
    assert list(made(out)) == ["anna/b.wav"] and made(out)["anna/b.wav"][0].size == 5
    assert enhance(noisy / "a.wav", f"out={noisy}", "method=noisy") == 2
    assert "a.wav: there already" in capsys.readouterr().err


def test_another_way_or_another_input_is_not_mixed_in(
    noisy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert enhance(noisy, f"out={out}", "method=toy_diffusion", "seed=1") == 0
    for change, told in {"seed=2": "another seed (1, now 2)", "method=noisy": "another method ("}.items():
        assert enhance(noisy, f"out={out}", "method=toy_diffusion", "seed=1", change) == 2
        assert told in capsys.readouterr().err
    kept = made(out)["a.wav"][0]
    audio.write(noisy / "a.wav", noise(7), RATE)
    assert enhance(noisy, f"out={out}", "method=toy_diffusion", "seed=1") == 1
    assert f"{out}/a.wav: made of what {noisy}/a.wav was before it changed; remove it" in capsys.readouterr().err
    assert np.array_equal(made(out)["a.wav"][0], kept)


def test_a_file_in_the_way_of_a_folder_is_named(
    noisy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/anna").write_text("a file")
    assert enhance(noisy, f"out={tmp_path / 'out'}", "method=noisy") == 2
    assert f"bench: {tmp_path}/out/anna/" in capsys.readouterr().err
    assert (tmp_path / "out/anna").read_text() == "a file"


def test_a_name_as_long_as_can_be(noisy: Path, tmp_path: Path) -> None:
    (noisy / "a.wav").rename(noisy / f"{'x' * 251}.wav")
    assert enhance(noisy, f"out={tmp_path / 'out'}", "method=noisy") == 0
    assert f"{'x' * 251}.wav" in made(tmp_path / "out")


def test_files_by_name(noisy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = tmp_path / "seed=1.wav"
    audio.write(odd, noise(9), RATE)
    assert enhance(noisy / "a.wav", noisy / "anna/c.d.wav", odd, f"out={tmp_path / 'out'}", "method=noisy") == 0
    assert sorted(made(tmp_path / "out")) == ["a.wav", "c.d.wav", "seed=1.wav"]
    audio.write(tmp_path / "other/a.flac", noise(9), RATE, "PCM_16")
    assert enhance(noisy, tmp_path / "other", f"out={tmp_path / 'two'}", "method=noisy") == 2
    assert f"other/a.flac: would be written where {noisy}/a.wav is" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["{noisy}"], "needs out=FOLDER"),
        (["{noisy}/none", "out={out}"], "none: no such file or folder"),
        (["{noisy}", "out={noisy}/enhanced"], "lies within"),
        (["{noisy}", "out={out}", "rate=modle"], "did you mean 'model'?"),
        (["{noisy}", "out={out}", "method=strom"], "did you mean 'storm'?"),
        (["{noisy}", "out={out}", "checkpoint=x"], "checkpoint"),
        (["{noisy}", "out={out}", "channel=-1"], "channel"),
        (["{noisy}", "out={out}", "steps=0"], "steps"),
        (["{noisy}", "out={out}", "device=gpu"], "device"),
        (["out={out}"], "usage: bench enhance"),
        (["{noisy}", "out={noisy}/a.wav"], "a.wav"),
    ],
)
def test_mistakes_are_one_line(
    noisy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    given = [argument.format(noisy=noisy, out=tmp_path / "out") for argument in arguments]
    assert enhance("method=noisy", *given) == 2
    printed = capsys.readouterr()
    assert told in printed.err and printed.err.startswith("bench: ") and printed.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content", ["{}\n[]\n", "no json\n", "mine", "[]\n", "{}\n", '{"sebench": "1"}\n{"file": 3}\n{}\n', "\xff\n"]
)
def test_a_record_that_is_none(noisy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "enhanced.jsonl").write_text(content)
    assert enhance(noisy, f"out={out}", "method=noisy") == 2
    assert f"bench: {out}/enhanced.jsonl: damaged, or not written by" in capsys.readouterr().err
    assert (out / "enhanced.jsonl").read_text() == content


def test_a_start_of_which_nothing_came_binds_to_nothing(noisy: Path, tmp_path: Path) -> None:
    out, record = tmp_path / "out", tmp_path / "out/enhanced.jsonl"
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    assert enhance(tmp_path / "bad.wav", f"out={out}", "method=noisy", "channel=0") == 1
    assert enhance(noisy, f"out={out}", "method=noisy") == 0
    for left in record.read_text()[:30], "":  # killed while the first line was written
        for path in [*out.rglob("*.wav")]:
            path.unlink()
        record.write_text(left)
        assert enhance(noisy, f"out={out}", "method=noisy") == 0
        assert len(record.read_text().splitlines()) == 4


def test_one_writer(noisy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out/.lock"):
        assert enhance(noisy, f"out={tmp_path / 'out'}", "method=noisy") == 2
    assert "another `bench enhance` is writing here" in capsys.readouterr().err


def test_several_processes_make_the_same(noisy: Path, tmp_path: Path, ray: None) -> None:
    arguments = ["enhance", str(noisy), "method=toy_diffusion", "device=cpu"]
    assert main([*arguments, f"out={tmp_path / 'one'}", "workers=0"]) == 0
    assert main([*arguments, f"out={tmp_path / 'two'}", "workers=2"]) == 0
    one, two = made(tmp_path / "one"), made(tmp_path / "two")
    assert one.keys() == two.keys() and all(np.array_equal(one[name][0], two[name][0]) for name in one)


def test_what_comes_out_is_scored_without_a_word(noisy: Path, tmp_path: Path) -> None:
    """The folder is one that ``precomputed`` takes as it is."""
    assert enhance(noisy, f"out={tmp_path / 'out'}", "method=noisy") == 0
    given, recording = create("precomputed", dir=tmp_path / "out"), Utterance("a", *audio.read(noisy / "a.wav"))
    assert given.preview(["a", "anna/b", "anna/c.d"], lambda _: recording) == []
