from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.core.errors import Unfinished, UserError
from bench.core.files import replacing, safe_name
from results.store.folder import Store
from results.store.rows import Key
from tests.results.conftest import make_row

ROOT = Path(__file__).resolve().parents[2]


def test_rows_come_back_and_the_last_of_a_key_counts(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        for row in (make_row("a", pesq=1.0), make_row("b/ü", pesq=2.0), make_row("a", pesq=3.0)):
            store.append(row)
        assert [row.score("pesq").value for row in store.rows().values()] == [3.0, 2.0]
    assert set(Store(tmp_path).rows()) == {make_row("a").key, make_row("b/ü").key}


def test_a_file_name_that_is_not_unicode_comes_back(tmp_path: Path) -> None:
    utterance = os.fsdecode(b"caf\xe9")
    with Store(tmp_path) as store:
        store.append(make_row(utterance))
        assert [key.utterance for key in store.rows()] == [utterance]
        store.audio_path(make_row(utterance).key).relative_to(tmp_path)


def test_an_empty_run_has_no_rows_and_no_manifest(tmp_path: Path) -> None:
    store = Store(tmp_path / "never written")
    assert store.rows() == {}
    assert store.read_manifest() is None
    assert not store.folder.exists()


def test_whatever_a_killed_writer_left_the_rest_is_kept(tmp_path: Path) -> None:
    """The last line cut at every possible byte: nothing else is lost, before or after the next append."""
    first, second, third = (make_row(name, pesq=1.0) for name in "abc")
    whole = f"{first.to_json()}\n{second.to_json()}\n".encode()
    start = len(first.to_json()) + 1
    for cut in range(start, len(whole) + 1):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / "rows.jsonl").write_bytes(whole[:cut])
        kept = [first, second] if cut >= len(whole) - 1 else [first]
        with Store(folder) as store:
            assert list(store.rows().values()) == kept
            store.append(third)
            assert list(store.rows().values()) == [*kept, third]


def test_zeros_left_by_a_power_cut_are_cut_off(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(make_row("a").to_json().encode() + b"\n" + b"\0" * 100)
    with Store(tmp_path) as store:
        store.append(make_row("b"))
        assert [key.utterance for key in store.rows()] == ["a", "b"]


@pytest.mark.parametrize("broken", ['{"schema": 1, "key"', "\xff\xfe", "[]", "{}"])
def test_a_corrupt_line_is_named_by_file_and_number(tmp_path: Path, broken: str) -> None:
    good = make_row().to_json().encode()
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join([good, broken.encode("latin-1"), good, b""]))
    with pytest.raises(UserError, match=r"rows\.jsonl, line 2: "):
        Store(tmp_path).rows()


def test_rows_of_another_schema_are_refused_even_as_the_last_line(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(make_row().to_json().replace('"schema": 2', '"schema": 3'))
    with pytest.raises(UserError, match=r"line 1: row schema 3, this version reads 1 and 2"):
        Store(tmp_path).rows()


class _FullDisk:
    """A file that takes ``room`` bytes and then no more."""

    def __init__(self, file: Any, room: int) -> None:
        self.file, self.room = file, room

    def write(self, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written: int = self.file.write(data[: self.room])
        self.room -= written
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def test_a_full_disk_is_one_line_and_leaves_no_half_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(tmp_path) as store:
        store.append(make_row("a"))
        real = store._file
        monkeypatch.setattr(store, "_file", _FullDisk(real, room=20))
        with pytest.raises(UserError, match=r"rows\.jsonl.*No space left"):
            store.append(make_row("b"))
        monkeypatch.setattr(store, "_file", real)
        store.append(make_row("c"))
        assert [key.utterance for key in store.rows()] == ["a", "c"]


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.unlink(),
        lambda path: os.truncate(path, 0),
        lambda path: path.rename(path.with_name("away")),
        lambda path: replaced(path),
        lambda path: extended(path),
    ],
    ids=["removed", "emptied", "moved", "replaced", "added to"],
)
def test_rows_that_another_program_harms_are_not_written_into_nothing(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    with Store(tmp_path) as store:
        store.append(make_row("a"))
        harm(store.rows_path)
        with pytest.raises(Unfinished, match=r"rows\.jsonl: another program has removed, replaced or changed it"):
            store.append(make_row("b"))


def extended(path: Path) -> None:
    with path.open("a") as file:
        file.write("{}\n")


def replaced(path: Path) -> None:
    """By a copy."""
    path.with_name("copy").write_bytes(path.read_bytes())
    path.with_name("copy").replace(path)


def test_two_writers_refuse_each_other_and_readers_do_not_care(tmp_path: Path) -> None:
    with Store(tmp_path) as writer:
        writer.append(make_row("a"))
        for write in (Store(tmp_path).lock, lambda: Store(tmp_path).append(make_row("b"))):
            with pytest.raises(UserError, match=f"{tmp_path}: another `bench run`"):
                write()
        assert len(Store(tmp_path).rows()) == 1
    with Store(tmp_path) as next_writer:
        next_writer.append(make_row("b"))
    assert len(Store(tmp_path).rows()) == 2


def test_the_lock_of_a_killed_process_does_not_block(tmp_path: Path) -> None:
    script = (
        "import sys, time\n"
        "from results.store.folder import Store\n"
        "from tests.results.conftest import make_row\n"
        "store = Store(sys.argv[1])\n"
        "store.append(make_row('a'))\n"
        "print('locked', flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    with pytest.raises(UserError, match="another `bench run`"):
        Store(tmp_path).lock()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with Store(tmp_path) as store:
        store.append(make_row("b"))
        assert [key.utterance for key in store.rows()] == ["a", "b"]


HOSTILE = [
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "",
    "a/b",
    "a%2Fb",
    "a\\b",
    "a\0b",
    ".hidden",
    "a b",
    "-",
    "~",
    "%",
]


@pytest.mark.parametrize("field", ["dataset", "method", "utterance"])
def test_audio_stays_in_the_folder_whatever_the_names(tmp_path: Path, field: str) -> None:
    store, paths = Store(tmp_path), set()
    for name in HOSTILE:
        key = Key(**({"dataset": "d", "method": "m", "steps": 5, "seed": None, "utterance": "u"} | {field: name}))
        path = store.audio_path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert path.resolve().is_relative_to((tmp_path / "audio").resolve())
        assert len(path.relative_to(tmp_path).parts) == 7
        paths.add(path.resolve())
    assert len(paths) == len(HOSTILE)


def test_audio_of_none_and_zero_differ(tmp_path: Path) -> None:
    keys = [Key("d", "m", steps, seed, "p232/001") for steps in (None, 1) for seed in (None, 0, 1)]
    paths = {Store(tmp_path).audio_path(key) for key in keys}
    assert len(paths) == 6
    assert {path.name for path in paths} == {"p232%2F001.wav"}


def test_audio_lies_in_folders_of_bounded_size_and_old_audio_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    paths = [store.audio_path(Key("d", "m", None, None, f"u{number}")) for number in range(10_000)]
    assert max(Counter(path.parent for path in paths).values()) < 100
    old = tmp_path / "audio/d/m/-/-/u7.wav"
    old.parent.mkdir(parents=True)
    old.touch()
    assert store.audio_path(Key("d", "m", None, None, "u7")) == old
    assert store.estimate_path(Key("d", "m", None, None, "u7")) == tmp_path / "estimates/d/m/-/-/u7.wav"


def test_names_too_long_for_a_file_system_still_differ(tmp_path: Path) -> None:
    names = {safe_name("ü/" * 200 + end) for end in ("a", "b", "")}
    assert len(names) == 3
    for name in names:
        (tmp_path / f".123456.{name}.wav").touch()


MANIFEST: dict[str, Any] = {
    "methods": {"noisy": {"name": "noisy", "options": {}, "provenance": {}}},
    "datasets": {"talk": {"name": "demo", "options": {}, "fingerprint": "12ab"}},
    "metrics": {"pesq": {"name": "pesq", "options": {}, "version": "1", "shown": {"label": "PESQ", "unit": ""}}},
    "sessions": [{"started": "today"}],
}


def test_a_manifest_of_the_first_version_is_read(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"schema": 1, **MANIFEST}))
    assert Store(tmp_path).read_manifest() == MANIFEST


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"methods": None}, "methods: expected a mapping, got None"),
        ({"methods": ["noisy"]}, "methods: expected a mapping"),
        ({"methods": {"noisy": "noisy"}}, "methods.noisy: expected a mapping, got 'noisy'"),
        ({"methods": {"noisy": {"name": "noisy", "options": []}}}, "methods.noisy.options: expected a mapping, got []"),
        ({"datasets": {"talk": {}}}, "datasets.talk.fingerprint: expected text, got None"),
        ({"metrics": {"pesq": {"name": "pesq", "version": 1}}}, "metrics.pesq.version: expected text, got 1"),
        (
            {"metrics": {"pesq": {"name": "pesq", "version": "1", "shown": {"unit": ""}}}},
            "metrics.pesq.shown: expected label",
        ),
        (
            {"metrics": {"pesq": {"name": "pesq", "version": "1", "shown": {"label": "P", "high": "top"}}}},
            "shown.high: expected a number",
        ),
        ({"sessions": {}}, "sessions: expected a list"),
    ],
)
def test_a_manifest_with_wrong_content_is_refused_by_name(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"schema": 2, **MANIFEST, **change}))
    with pytest.raises(UserError) as raised:
        Store(tmp_path).read_manifest()
    assert str(raised.value).startswith(f"{path}: damaged, ") and told in str(raised.value)


def test_the_manifest_comes_back_and_is_replaced_whole(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.write_manifest({**MANIFEST, "note": "größer"})
        with pytest.raises(ValueError):
            store.write_manifest({"bad": float("nan")})
        assert store.read_manifest() == {**MANIFEST, "note": "größer"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "manifest.json"]


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": 99}', '{"seeds": []}'])
def test_another_manifest_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(UserError, match=r"manifest\.json: (not JSON|schema)"):
        Store(tmp_path).read_manifest()


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    in_the_way = tmp_path / "run"
    in_the_way.touch()
    for folder in (in_the_way, in_the_way / "deeper"):
        with pytest.raises(UserError, match=str(in_the_way)):
            Store(folder).append(make_row())
        with pytest.raises(UserError, match=str(in_the_way)):
            Store(folder).rows()
    (tmp_path / "rows.jsonl").mkdir()
    with pytest.raises(UserError, match=r"rows\.jsonl"):
        Store(tmp_path).append(make_row())


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A folder that this process may read and not write, even as root."""
    with tempfile.TemporaryDirectory() as name:
        folder, user = Path(name), os.geteuid()
        folder.chmod(0o555)
        if user == 0:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(user)
            folder.chmod(0o755)


def test_a_read_only_folder_is_named(read_only: Path) -> None:
    for store in (Store(read_only), Store(read_only / "new")):
        with pytest.raises(UserError, match=f"{store.folder}.*Permission denied"):
            store.append(make_row())
    assert Store(read_only).rows() == {}


def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]
