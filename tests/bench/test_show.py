"""What one reads, sees and hears of one recording of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import main
from bench.commands.table import COMMANDS
from bench.conf.compose import compose


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings, the floor and a classical method."""
    runs = tmp_path_factory.mktemp("runs")
    keys = ["run=small", f"runs_dir={runs}", "methods=[noisy,logmmse]", "metrics=[si_sdr]", "limit=2", "workers=0"]
    assert main(["run", *keys]) == 0
    return runs / "small"


def test_a_cell_is_shown(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = next((run / "audio").rglob("*.wav")).stem
    assert main(["show", str(run), f"clip={clip}", "method=logmmse", f"out={tmp_path}"]) == 0
    said = capsys.readouterr().out
    assert f"{clip}.wav" in said and "audio/demo/logmmse/" in said and "SI-SDR" in said and "dB" in said
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count('"flac"') == 3 and "logmmse" in page
    assert (tmp_path / "signals.png").read_bytes().startswith(b"\x89PNG")


def test_the_control_is_the_recording_itself(run: Path, tmp_path: Path) -> None:
    clip = next((run / "audio").rglob("*.wav")).stem
    assert main(["show", str(run), f"clip={clip}", f"out={tmp_path}"]) == 0
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count('"name":"noisy"') == 1 and page.count('"flac"') == 3 and page.count("SI-SDR") == 2


def test_audio_that_was_not_kept_is_one_line(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = next((run / "audio").rglob("*.wav")).stem
    kept = next((run / "audio").rglob(f"logmmse/**/{clip}.wav"))
    kept.rename(tmp_path / "away.wav")
    try:
        assert main(["show", str(run), f"clip={clip}", "method=logmmse", f"out={tmp_path}"]) == 0
    finally:
        (tmp_path / "away.wav").rename(kept)
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("logmmse")]
    assert "kept no audio" in line and "keep_audio=all" in line


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([], "needs clip=NAME"),
        (["clip=CLIPP"], "did you mean 'CLIP'"),
        (["clip=CLIP", "method=logmse"], "did you mean 'logmmse'"),
        (["clip=CLIP", "steps=7"], "steps=7: no row has it"),
        (["clip=CLIP", "seed=7"], "seed=7: no row has it"),
        (["clip=CLIP", "dataset=demos"], "did you mean 'demo'"),
    ],
)
def test_what_is_not_there_is_named(run: Path, keys: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    clip = min((run / "audio").rglob("*.wav")).stem  # a draw, so not known before
    assert main(["show", str(run), *(key.replace("CLIP", clip) for key in keys)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said.replace("CLIP", clip) in line


def test_a_report_is_written_into_the_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run), "resamples=1000"]) == 0
    assert str(run / "report.html") in capsys.readouterr().out
    text = (run / "report.html").read_text(encoding="utf-8")
    assert text.count('"flac"') == 2 * 3


def test_a_report_of_a_run_without_audio(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert main(["report", str(run), "resamples=1000", f"out={page}", "audio=false"]) == 0
    assert '"flac"' not in page.read_text(encoding="utf-8")
    assert "audio of" not in capsys.readouterr().out


def test_every_command_with_keys_has_its_schema() -> None:
    for name in ("report", "show", "listen"):
        assert compose(name, []) and COMMANDS[name].job == name
