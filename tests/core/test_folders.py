"""A folder of recordings: links, formats, special files; whatever is not read is counted and named."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.core import audio
from bench.core.errors import UserError
from bench.core.folders import recordings_in

RATE = 16000
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)


def touch(root: Path, *names: str, content: bytes = b"x") -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def notes(root: Path) -> str:
    [line] = recordings_in(root).notes()
    assert line.startswith(f"{root}: not read: ")
    return line.removeprefix(f"{root}: not read: ")


def test_by_relative_name(tmp_path: Path) -> None:
    touch(tmp_path, "b.wav", "a/c.FLAC", "a/c.d.wav", "folder.wav/e.mp3", ".DS_Store")
    found = recordings_in(tmp_path)
    assert dict(found.files) == {
        "a/c": tmp_path / "a/c.FLAC",
        "a/c.d": tmp_path / "a/c.d.wav",
        "b": tmp_path / "b.wav",
        "folder.wav/e": tmp_path / "folder.wav/e.mp3",
    }
    assert list(found.files) == sorted(found.files)
    assert found.notes() == []


def test_links_to_folders_are_followed_and_circles_named(tmp_path: Path) -> None:
    root = touch(tmp_path / "data", "anna/1.wav")
    touch(tmp_path / "elsewhere", "2.wav", "deep/3.wav")
    for link, target in {
        "bert": tmp_path / "elsewhere",
        "anna/up": root,
        "anna/out": tmp_path,
        "self": root / "self",
        "gone": tmp_path / "gone",
    }.items():
        (root / link).symlink_to(target)
    (tmp_path / "elsewhere/back").symlink_to(root / "bert")
    assert list(recordings_in(root).files) == ["anna/1", "bert/2", "bert/deep/3"]
    told = notes(root)
    assert "3 x link in a circle (" in told and "anna/up" in told and "anna/out" in told and "bert/back" in told
    assert "1 x broken link (gone)" in told and "(self)" in told


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".wav", {}),
        (".flac", {}),
        (".mp3", {}),
        (".ogg", {}),
        (".opus", {"format": "OGG", "subtype": "OPUS"}),
        (".aiff", {}),
        (".W64", {"format": "W64"}),
        (".caf", {"format": "CAF"}),
        (".au", {}),
        (".sph", {"format": "NIST"}),
    ],
)
def test_formats_that_are_read(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    soundfile.write(tmp_path / f"a{suffix}", TONE, RATE, **options)
    samples, rate = audio.read(recordings_in(tmp_path).files["a"])
    assert rate == RATE and abs(samples.size - RATE) < 0.1 * RATE
    spectrum = np.abs(np.fft.rfft(samples[:8000]))
    assert np.argmax(spectrum) * RATE / 8000 == pytest.approx(440, abs=4)


def test_what_is_not_read_is_counted_and_named(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "b.m4a", "c.WMA", "list.txt", "noname", ".d.wav", "._a.wav", ".cache/e.wav")
    touch(tmp_path, "empty.wav", content=b"")
    os.mkfifo(tmp_path / "pipe.wav")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)  # a socket's path must be short
        server.bind("talk.wav")
        os.chdir(here)
    (tmp_path / "device.wav").symlink_to("/dev/zero")
    assert list(recordings_in(tmp_path).files) == ["a", "empty"]
    told = notes(tmp_path)
    for reason in (
        "2 x format that cannot be read, convert it to WAV or FLAC (b.m4a, c.WMA)",
        "2 x no audio (list.txt, noname)",
        "2 x hidden (._a.wav, .d.wav)",
        "1 x hidden folder (.cache)",
        "1 x empty file (empty.wav)",
        "2 x named pipe (pipe, pipe.wav)",
        "1 x socket (talk.wav)",
        "1 x device (device.wav)",
    ):
        assert reason in told
    for name, kind in {"pipe.wav": "named pipe", "talk.wav": "socket", "device.wav": "device"}.items():
        with pytest.raises(UserError, match=f"{name}: {kind}, not a file"):
            audio.read(tmp_path / name)


def test_a_long_list_is_cut_short(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", *(f"{k}.txt" for k in range(9)))
    assert notes(tmp_path) == "9 x no audio (0.txt, 1.txt, 2.txt, ...)"
    assert recordings_in(tmp_path).notes(used=[f"{k}.txt" for k in range(9)]) == []


def test_what_may_not_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.wav", "b.wav", "locked/c.wav")
    original = Path.iterdir

    def iterdir(self: Path):  # type: ignore[no-untyped-def]  # permissions do not stop the superuser
        if self.name == "locked":
            raise PermissionError(13, "Permission denied")
        return original(self)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "b.wav")
    told = notes(tmp_path)
    assert "1 x folder that cannot be opened, Permission denied (locked)" in told
    assert "1 x no permission to read it (b.wav)" in told
    assert list(recordings_in(tmp_path).files) == ["a", "b"]  # the latter's row will say why


def test_names_that_are_no_text(tmp_path: Path) -> None:
    try:
        touch(tmp_path, "a.wav", os.fsdecode(b"m\xfcller.wav"))
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    assert list(recordings_in(tmp_path).files) == ["a"]
    assert notes(tmp_path) == r"1 x name that is not UTF-8 (m\xfcller.wav)"


def test_one_name_twice(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "a.mp3")
    with pytest.raises(UserError, match=r"a\.wav: a\.mp3 has the same name; keep one of the two"):
        recordings_in(tmp_path)


def test_no_folder_and_no_recording(tmp_path: Path) -> None:
    touch(tmp_path, "sub/a.m4a", "file")
    for name, reason in {"nowhere": "no such folder", "file": "not a folder"}.items():
        with pytest.raises(UserError, match=f"{name}: {reason}"):
            recordings_in(tmp_path / name)
    with pytest.raises(UserError, match=r"sub: no recording in it \(WAV, .*\); not read: 1 x format .* \(a\.m4a\)"):
        recordings_in(tmp_path / "sub").required()


def test_a_depth_beyond_the_recursion_limit(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 600)
    deep.mkdir(parents=True)
    (deep / "a.wav").touch()
    assert len(recordings_in(tmp_path).files) == 1
