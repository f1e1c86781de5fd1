"""Files that are there whole or not at all, and what killed writers leave."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.core.files import replacing, sweep


def test_what_a_killed_writer_left_goes_and_nothing_else(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = [tmp_path / f".{gone.pid}.manifest.json", tmp_path / "audio" / "x" / f".{gone.pid}.a.wav"]
    kept = [
        *(tmp_path / name for name in ("manifest.json", ".lock", f"{gone.pid}.json", f".{gone.pid}")),
        *(tmp_path / "audio" / name for name in (f".{os.getpid()}.b.wav", "c.wav", ".1.d.wav")),
    ]
    for path in (*left, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    sweep(tmp_path)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)
    sweep(tmp_path / "no such folder")


def test_a_file_that_cannot_be_written_is_named_as_it_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)  # the longest name there is: with the prefix of a temporary file it is too long
    with pytest.raises(UserError, match=f"^{path}: cannot be used"), replacing(path) as temporary:
        temporary.write_text("")


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = f"{tmp_path / 'file'}: cannot be used (a file, not a folder)"
    with pytest.raises(UserError, match=re.escape(said)), replacing(tmp_path / "file" / "page.html"):
        pass
