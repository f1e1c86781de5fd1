"""``bench data``: what is listed, told, compared; refused in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr

from bench.__main__ import main
from bench.core import audio


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path / "cache"))


def test_what_can_be_prepared(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list"]) == 0
    assert "voicebank_demand (not prepared): VoiceBank/DEMAND" in capsys.readouterr().out
    assert main(["data", "info", "voicebank_demand"]) == 0
    told = capsys.readouterr().out
    assert "CC BY 4.0" in told
    assert "voicebank=FOLDER" in told
    assert "doi:10.7488/ds/2117" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "voicebank"], "did you mean 'voicebank_demand'"),
        (["prepare", "voicebank_demand"], "voicebank_demand needs voicebank=FOLDER"),
        (["prepare", "voicebank_demand", "voicbank=x"], "did you mean 'voicebank'"),
        (["prepare", "voicebank_demand", "voicebank=x"], "voicebank=x: no such folder"),
        (["prepare", "voicebank_demand", "workers=-1"], "workers must be a whole number"),
        (["verify", "voicebank_demand"], "not prepared here"),
        (["compare", "demo"], "usage: bench data compare A B"),
        (["compare", "demo", "dmeo"], "did you mean 'demo'"),
        (["list", "x"], "usage"),
        (["info", "mix", "dri=x"], "unknown key of bench data info 'dri': did you mean 'dir'"),
        (["verify", "mix", "workers=2"], "unknown key of bench data verify 'workers'"),
        (["prepare", "mix", "worker=2"], "did you mean 'workers'"),
    ],
)
def test_mistakes(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", ["info", "prepare", "verify"])
def test_help_tells_the_keys(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", command, "--help"]) == 0
    assert ("out=FOLDER" if command == "prepare" else "dir=FOLDER") in capsys.readouterr().out


def test_the_family_tells_its_own_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data"]) == 0
    assert capsys.readouterr().out.startswith("usage: bench data COMMAND ...")


def pairs(folder: Path, quality: str, gain: float = 1.0, skip: int = 0) -> str:
    rng = np.random.default_rng(5)
    for number in range(2):
        t = np.arange(2 * 48000) / 48000
        clean = 0.1 * sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 60)) * (1 + np.sin(2 * np.pi * 3 * t))
        noisy = clean + 0.05 * rng.standard_normal(t.size)
        for side, wave in (("clean", clean), ("noisy", noisy)):
            down = gain * soxr.resample(wave, 48000, 16000, quality=quality)[skip:]
            audio.write(folder / side / f"{number}.wav", down.astype(np.float32), 16000)
    return str(folder)


def test_two_copies_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, same = pairs(tmp_path / "one", "VHQ"), pairs(tmp_path / "same", "VHQ")
    other, moved = pairs(tmp_path / "other", "LQ"), pairs(tmp_path / "moved", "VHQ", 0.5, 100)

    def told(*names: str) -> str:
        assert main(["data", "compare", *names]) == 0
        return capsys.readouterr().out

    assert "the same recordings, sample for sample" in told(one, same)
    assert "copies by another resampler" in (by := told(one, other))
    assert "PESQ of the noisy recordings" in by
    assert "the same recordings, moved in time or level, but for rounding" in (by := told(one, moved))
    assert "level of B re A: -6.02 dB" in by
    assert "delay of B: -100 samples" in by
    assert "only in A: 12 recordings" in told("demo", one)


def test_a_runs_manifest_holds_the_identity(config: Callable[..., dict[str, Any]]) -> None:
    from bench.run.benchmark import run

    result = run(config(methods=["noisy"]))
    identity = json.loads((result.folder / "manifest.json").read_text())["datasets"]["talk"]["identity"]
    assert (identity["recordings"], identity["rates"], identity["resampler"]) == (6, [16000], None)
    assert len(identity["content"]) == len(identity["ids"]) == 64
