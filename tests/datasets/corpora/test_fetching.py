"""What can be fetched: continued, checked by the stated hash, or trusted as it first came."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.datasets.corpora.card import Card, Download, card
from bench.datasets.corpora.fetching import fetch

CONTENT = b"a corpus" * 500


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            start = int(self.headers.get("Range", "bytes=0-").split("=")[1].rstrip("-"))
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(CONTENT) - start))
            self.end_headers()
            self.wfile.write(CONTENT[start:])

        def log_message(self, *_: object) -> None:
            return None

    with HTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()


def with_files(**files: Download) -> Card:
    return replace(card("voicebank_demand"), files=files)


def test_splits_progress_and_continuation(server: str, tmp_path: Path) -> None:
    stated = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    about = with_files(
        a=Download(f"{server}a", "test", stated), b=Download(f"{server}b", "train"), c=Download(f"{server}c")
    )
    (tmp_path / "a.part").write_bytes(CONTENT[:1000])
    shown: list[tuple[str, int, int | None]] = []
    fetch(about, tmp_path, ["test"], lambda *state: shown.append(state))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c", "sha256.json"]
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert ("a", len(CONTENT), len(CONTENT)) in shown
    fetch(about, tmp_path, ["valid"])
    assert (tmp_path / "b").is_file()


def test_another_file_than_stated_or_than_first_came(server: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="another MD5"):
        fetch(with_files(a=Download(f"{server}a", None, "0" * 32)), tmp_path)
    about = with_files(b=Download(f"{server}b"))
    fetch(about, tmp_path)
    (tmp_path / "b").write_bytes(b"altered")
    with pytest.raises(UserError, match="not the file that first came"):
        fetch(about, tmp_path)


def test_what_no_program_can_fetch(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be fetched by a program; WSJ0 is LDC93S6A"):
        fetch(card("wsj0_chime3"), tmp_path)
