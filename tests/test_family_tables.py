"""docs/family.py: recordings that no training has, and the tables of a run on them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from bench.core import audio
from bench.core.types import Score
from bench.datasets.recipes.recordings import files, noise_recording, speaker
from results.store.folder import Store
from results.store.rows import Key, Row

SCRIPT = Path(__file__).resolve().parent.parent / "docs" / "family.py"


def family(*arguments: object) -> str:
    done = subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout


def row(method: str, steps: int | None, clip: int, score: float, nfe: int) -> Row:
    scores = {name: Score(score) for name in ("si_sdr", "estoi", "pesq")}
    return Row(Key("validation", method, steps, None, str(clip)), "generative", "ok", nfe=nfe, scores=scores)


def test_tables_are_of_paired_differences(tmp_path: Path) -> None:
    with Store(tmp_path / "run") as store:
        for clip in range(5):
            store.append(row("noisy", None, clip, float(clip), 0))
            store.append(row("convtasnet", None, clip, clip + 2.0, 1))
            for steps in (1, 3):
                store.append(row("bbed", steps, clip, clip + steps - 2.0, steps))
    lines = family("table", tmp_path / "run").splitlines()
    assert lines[0] == "5 recordings; `noisy`: SI-SDR (dB) 2.0, ESTOI 2.000, PESQ 2.00"
    assert "| SI-SDR, dB over `noisy` | N = 1 | N = 3 |" in lines
    assert "| `bbed` | -1.0 [-1.0, -1.0] | +1.0 [+1.0, +1.0] |" in lines
    assert "| `bbed` | 3 | 3 | +1.0 [+1.0, +1.0] | +1.000 [+1.000, +1.000] | +1.00 [+1.00, +1.00] |" in lines
    assert "| `convtasnet` |  | 1 | +2.0 [+2.0, +2.0] | +2.000 [+2.000, +2.000] | +2.00 [+2.00, +2.00] |" in lines
    assert not any(line.startswith("| `bbed` | 1 |") for line in lines)


def test_recordings_are_of_held_out_speakers_and_noises(tmp_path: Path) -> None:
    tones = {name: 200 + 100 * number for number, name in enumerate(("anna", "ben", "cleo", "dan"))}
    for name, hertz in tones.items():
        audio.write(tmp_path / f"speech/{name}_1.wav", np.sin(2 * np.pi * hertz * np.arange(40000) / 16000), 16000)
    for number in range(4):
        noise = np.random.default_rng(number).normal(0, 0.1, 20000)
        audio.write(tmp_path / f"noise/kind{chr(97 + number)}.wav", noise.astype(np.float32), 16000)
    given = ["--speech", tmp_path / "speech", "--noise", tmp_path / "noise", "--count", 3, "--reverb-share", 0]
    for out in ("one", "other"):
        family("recordings", tmp_path / out, *given)
    (held,) = files([tmp_path / "speech"], "valid", speaker)
    assert len(files([tmp_path / "noise"], "valid", noise_recording)) == 1
    for index in range(3):
        clean, noisy = (audio.read(tmp_path / f"one/{kind}/00{index}.wav")[0] for kind in ("clean", "noisy"))
        assert clean.shape == noisy.shape and not np.array_equal(clean, noisy)
        loudest = np.argmax(np.abs(np.fft.rfft(clean))) * 16000 / clean.size
        assert abs(loudest - tones[held.stem.partition("_")[0]]) < 2
        assert np.array_equal(noisy, audio.read(tmp_path / f"other/noisy/00{index}.wav")[0])
