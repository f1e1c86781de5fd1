"""A person's own recordings through methods; the server refuses whatever is not its own page."""

from __future__ import annotations

import html
import http.client
import io
import json
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from bench.__main__ import main
from bench.commands.listen import Listening
from bench.commands.loopback import LARGEST, Loopback
from bench.commands.settings import Listen
from bench.core import audio
from bench.core.errors import UserError

RATE = 16000


def speechlike(seconds: float = 0.6) -> Any:
    random = np.random.default_rng(0)
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.2 * np.sin(2 * np.pi * 200 * time) * (time % 0.4 > 0.2) + 0.02 * random.normal(size=time.size)).astype(
        "f4"
    )


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "me <b>.wav"
    audio.write(path, speechlike(), RATE)
    return path


def test_a_file_through_methods_is_a_page(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    keys = ["methods=[noisy,logmmse]", "metrics=[srmr]", "serve=false", f"out={page}"]
    assert main(["listen", str(recording), *keys]) == 0
    assert str(page) in capsys.readouterr().out
    text = html.unescape(page.read_text(encoding="utf-8"))
    assert "<b>" not in page.read_text(encoding="utf-8")
    assert text.count('"flac"') == 3 and "connect-src 'none'" in text and "RTF" in text


def test_mistakes_are_one_line(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (
        ([str(tmp_path / "no.wav")], "no such file"),
        ([str(recording), "metrics=[pesq]"], "pesq needs more than the recording"),
        ([str(recording), "methods=[noisy,noisy]"], "two entries are called 'noisy'"),
        ([str(recording), "methods=[stormy]"], "did you mean 'storm'"),
        (["mic"], "only the served page records"),
        ([], "usage: bench listen"),
    ):
        assert main(["listen", *arguments, "serve=false"]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert said in line


def test_too_long_a_recording_is_refused(tmp_path: Path) -> None:
    audio.write(tmp_path / "long.wav", np.zeros(61 * 8000, np.float32), 8000)
    listening = Listening(Listen.of({"methods": ["noisy"], "metrics": ["srmr"]}))
    with pytest.raises(UserError, match="61 s"):
        listening("long", tmp_path / "long.wav")


@pytest.fixture
def server() -> Iterator[Loopback]:
    listening = Listening(Listen.of({"methods": ["noisy", "logmmse"], "metrics": ["srmr"]}))
    server = Loopback("<p>page</p>", listening.recorded)
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server
    server.close()
    thread.join()


def ask(server: Loopback, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def wav(samples: Any) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def test_what_the_page_records_comes_back_enhanced(server: Loopback) -> None:
    own = f"http://127.0.0.1:{server.port}"
    path = server.address.removeprefix(own)
    assert ask(server, "GET", path) == (200, "<p>page</p>")
    status, body = ask(server, "POST", f"{path}record", wav(speechlike()), Origin=own, Content_Type="audio/wav")
    assert status == 200
    tracks = json.loads(body)["recording"]["tracks"]
    assert [track["name"] for track in tracks] == ["unprocessed", "noisy", "logmmse"]


def test_everybody_else_is_refused(server: Loopback) -> None:
    own = f"http://127.0.0.1:{server.port}"
    path = server.address.removeprefix(own)
    sound = wav(speechlike())
    page = {"Origin": own, "Content_Type": "audio/wav"}
    assert ask(server, "GET", path, Host="evil.example")[0] == 403
    assert ask(server, "GET", path, Host=f"evil.example:{server.port}")[0] == 403
    assert ask(server, "GET", path, Origin="http://evil.example")[0] == 403
    assert ask(server, "GET", "/")[0] == 404
    assert ask(server, "GET", "/wrong/")[0] == 404
    assert ask(server, "GET", f"{path}../../etc/passwd")[0] == 404
    assert ask(server, "POST", f"{path}record", sound, **{**page, "Origin": "http://evil.example"})[0] == 403
    assert ask(server, "POST", f"{path}record", sound, **{**page, "Origin": "null"})[0] == 403
    assert ask(server, "POST", f"{path}record", sound, Content_Type="audio/wav")[0] == 404
    assert ask(server, "POST", f"{path}record", sound, Origin=own, Content_Type="text/plain")[0] == 415
    assert ask(server, "POST", f"{path}record", b"", **page)[0] == 411
    assert ask(server, "POST", "/wrong/record", sound, **page)[0] == 404
    status, said = ask(server, "POST", f"{path}record", b"not a recording", **page)
    assert status == 400 and "not a readable audio file" in said


def test_a_body_that_is_too_large_is_not_read(server: Loopback) -> None:
    own = f"http://127.0.0.1:{server.port}"
    path = server.address.removeprefix(own)
    headers = {"Origin": own, "Content_Type": "audio/wav", "Content_Length": str(LARGEST + 1)}
    assert ask(server, "POST", f"{path}record", None, **headers)[0] == 413


def test_a_page_that_was_closed_is_no_error(server: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    own = f"http://127.0.0.1:{server.port}"
    path, sound = server.address.removeprefix(own), wav(speechlike())
    headers = f"Host: 127.0.0.1:{server.port}\r\nOrigin: {own}\r\nContent-Type: audio/wav\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            f"POST {path}record HTTP/1.1\r\n{headers}Content-Length: {len(sound)}\r\n\r\n".encode() + sound
        )
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # no farewell
    assert ask(server, "POST", f"{path}record", sound, Origin=own, Content_Type="audio/wav")[0] == 200
    assert capsys.readouterr().err == ""


def test_all_files_are_read_before_the_first_is_enhanced(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = tmp_path / "long.wav"
    audio.write(long, np.zeros(61 * 8000, np.float32), 8000)
    assert main(["listen", str(recording), str(long), "methods=[noisy]", "metrics=[srmr]", "serve=false"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "long.wav: 61 s" in said.err


def test_a_port_in_use_is_one_line(server: Loopback) -> None:
    with pytest.raises(UserError, match=f"port={server.port}: cannot be used"):
        Loopback("", lambda content, number: {}, server.port)
