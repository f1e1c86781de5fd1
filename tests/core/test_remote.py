"""Copies of what is at URLs: whole, fetched once, and again when it has changed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import fsspec
import pytest

from bench.core.errors import UserError
from bench.core.remote import Place, copied, copies, is_url


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def memory() -> Iterator[Any]:
    fs = fsspec.filesystem("memory")
    yield fs
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]


class Quiet(SimpleHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path, ThreadingHTTPServer]]:
    """A folder on a web server of its own."""
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", folder, server
        server.shutdown()


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_url_is_no_path() -> None:
    assert all(map(is_url, ("s3://bucket/x", "http://host/x", "memory://x", "git+ssh://x")))
    assert not any(map(is_url, ("x/y", "/x", "C:\\x", "hub:owner/name/file", "a://b".replace("//", "/"))))


def test_a_folder_follows_its_source(memory: Any) -> None:
    memory.pipe({"/b/talk/noisy/a.wav": b"1", "/b/talk/noisy/sub/ü b.wav": b"22", "/b/talkative": b"no"})
    copy = copied("memory://b/talk")
    assert copy.name == "talk" and files(copy) == {"noisy/a.wav": b"1", "noisy/sub/ü b.wav": b"22"}
    unchanged = (copy / "noisy/a.wav").stat().st_mtime_ns
    memory.pipe("/b/talk/noisy/new.wav", b"3")
    memory.pipe("/b/talk/noisy/sub/ü b.wav", b"44")  # of the same size
    assert files(copied("memory://b/talk/"))["noisy/sub/ü b.wav"] == b"44"
    memory.rm("/b/talk/noisy/new.wav")
    assert files(copied("memory://b/talk")) == {"noisy/a.wav": b"1", "noisy/sub/ü b.wav": b"44"}
    assert (copy / "noisy/a.wav").stat().st_mtime_ns == unchanged
    (copy / "noisy/a.wav").unlink()  # by whoever tidied the cache
    assert files(copied("memory://b/talk"))["noisy/a.wav"] == b"1"


def test_a_file_of_another_file_system(tmp_path: Path) -> None:
    source = tmp_path / "some file.ckpt"
    source.write_bytes(b"weights")
    copy = copied(f"file://{source}")
    assert copy.read_bytes() == b"weights" and copy.name == "some%20file.ckpt"


def test_a_web_server(served: tuple[str, Path, ThreadingHTTPServer]) -> None:
    url, folder, _ = served
    (folder / "talk/noisy").mkdir(parents=True)
    (folder / "talk/noisy/a é.wav").write_bytes(b"1")
    (folder / "weights.ckpt").write_bytes(b"w" * 1000)
    assert files(copied(f"{url}/talk/")) == {"noisy/a é.wav": b"1"}
    assert copied(f"{url}/weights.ckpt").read_bytes() == b"w" * 1000
    Quiet.asked.clear()
    assert copied(f"{url}/weights.ckpt").is_file() and Quiet.asked == []  # its head said that it is the same
    (folder / "weights.ckpt").write_bytes(b"v" * 999)
    assert copied(f"{url}/weights.ckpt").read_bytes() == b"v" * 999


def test_a_whole_copy_serves_while_its_source_does_not_answer(
    served: tuple[str, Path, ThreadingHTTPServer], capsys: pytest.CaptureFixture[str]
) -> None:
    url, folder, server = served
    (folder / "talk").mkdir()
    (folder / "talk/a.wav").write_bytes(b"1")
    (folder / "weights.ckpt").write_bytes(b"w")
    assert files(copied(f"{url}/talk/")) and copied(f"{url}/weights.ckpt")
    server.shutdown()
    server.server_close()
    assert files(copied(f"{url}/talk/")) == {"a.wav": b"1"} and copied(f"{url}/weights.ckpt").read_bytes() == b"w"
    told = capsys.readouterr().err
    assert told.count("taken as it was fetched before") == 2
    for other in (f"{url}/other/", f"{url}/other.ckpt"):
        with pytest.raises(UserError, match=f"^{url}/other"):
            copied(other)


def test_an_interrupted_copy_goes_on(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe({f"/many/{number:03}": b"x" for number in range(100)})
    get, fetched = memory.get, list[str]()

    def once(paths: list[str], targets: list[str]) -> None:
        if fetched:
            raise ConnectionResetError("the line broke")
        fetched.extend(paths)
        get(paths, targets)

    with monkeypatch.context() as patch:
        patch.setattr(memory, "get", once)
        with pytest.raises(UserError, match=r"^memory://many: cannot be used \(the line broke\)$"):
            copied("memory://many")
    assert 0 < len(fetched) < 100
    again = list[str]()
    monkeypatch.setattr(memory, "get", lambda paths, targets: (again.extend(paths), get(paths, targets)))
    assert len(files(copied("memory://many"))) == 100
    assert set(again).isdisjoint(fetched) and len(again) + len(fetched) == 100


def test_no_name_leads_out_of_the_copy(memory: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    memory.pipe("/b/talk/a.wav", b"1")
    found = memory.find("/b/talk", detail=True)
    evil = {f"/b/talk/{name}": {"size": 1} for name in ("../../evil", "a/../../evil", "./x", "y//z")}
    monkeypatch.setattr(memory, "find", lambda *_, **__: {**found, **evil})
    assert list(Place.of("memory://b/talk").below()) == ["a.wav"]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("memory://nothing", "memory://nothing: no such file or folder"),
        ("nosuch://x/y", "nosuch://x/y: cannot be used (Protocol not known: nosuch)"),
        ("sftp://me:secret@host/x", "me@host: a URL with a password, which would end up in manifests and logs; "),
        ("http://127.0.0.1:1/x.ckpt", "http://127.0.0.1:1/x.ckpt: no answer"),
    ],
)
def test_what_cannot_be_fetched_is_one_line(url: str, told: str) -> None:
    with pytest.raises(UserError) as raised:
        copied(url)
    assert str(raised.value).startswith(told) and "\n" not in str(raised.value) and "secret" not in str(raised.value)
    (problem,) = copies([url])
    assert isinstance(problem, UserError) and str(problem) == str(raised.value)


def test_many_files(memory: Any) -> None:
    memory.pipe({"/x/a": b"a", "/y/a": b"other"})
    found = copies(["memory://x/a", "memory://y/a", "memory://x/none"])
    assert [path.read_bytes() if isinstance(path, Path) else str(path) for path in found] == [
        b"a",
        b"other",
        "memory://x/none: no such file or folder",
    ]
    assert copies([]) == []
