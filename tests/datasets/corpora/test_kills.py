"""A thousand recordings: the same bytes with any number of workers, and after twenty kills."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.datasets.corpora.preparing import prepare
from tests.conftest import ROOT
from tests.datasets.corpora.test_mixtures import noise, planned, speech, write
from tests.datasets.corpora.test_voicebank import files

CALL = "from bench.__main__ import main; raise SystemExit(main())"


@pytest.fixture
def corpus(tmp_path: Path) -> dict[str, Path]:
    for k in range(1000):
        write(tmp_path / f"speech/s{k % 25}/{k:04}.wav", speech(k, 0.2))
    for k in range(5):
        write(tmp_path / f"noise/n{k}.wav", noise(k, 0.4))
    return {"speech": tmp_path / "speech", "noise": tmp_path / "noise"}


@pytest.mark.slow
def test_the_same_bytes_with_any_number_of_workers_and_after_twenty_kills(
    corpus: dict[str, Path], tmp_path: Path
) -> None:
    wanted = planned("mix", **corpus)
    prepare(wanted, tmp_path / "serial", 0)
    whole = files(tmp_path / "serial")
    assert len([name for name in whole if name.endswith(".flac")]) == 2000
    for workers in (1, 2, 4):
        prepare(wanted, tmp_path / f"w{workers}", workers)
        assert files(tmp_path / f"w{workers}") == whole
    out = tmp_path / "killed"
    keys = [*(f"{key}={folder}" for key, folder in corpus.items()), f"out={out}", "workers=2"]
    command = [sys.executable, "-c", CALL, "data", "prepare", "mix", *keys]
    kills = 0
    while kills < 20:
        before = done(out)
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and done(out) < before + 20:
            time.sleep(0.01)
        process.kill()
        assert process.wait() != 0, "ended before it was killed"
        kills += 1
    assert not (out / "dataset.json").exists()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert files(out) == whole


def done(out: Path) -> int:
    path = out / ".done.jsonl"
    return path.read_bytes().count(b"\n") if path.is_file() else 0
