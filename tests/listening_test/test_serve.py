"""The server: what it shows and hides, that no submission is lost, and that it is no debugger."""

from __future__ import annotations

import json
import signal
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from werkzeug.test import Client

from bench.core.errors import UserError
from listening_test.design.mapping import Test
from listening_test.webmushra import serve
from tests.listening_test.conftest import Export
from tests.listening_test.serving import serving
from tests.listening_test.simulate import submission

HERE = {"REMOTE_ADDR": "127.0.0.1"}


@pytest.fixture
def webmushra(tmp_path: Path) -> Path:
    """What a checkout is told by, and a page."""
    folder = tmp_path / "webMUSHRA"
    (folder / "lib" / "webmushra").mkdir(parents=True)
    (folder / "index.html").write_text("<title>webMUSHRA</title>")
    (folder / "configs").mkdir()
    (folder / "configs" / "default.yaml").write_text("testname: theirs")
    return folder


@contextmanager
def client(folder: Path, test: Test, webmushra: Path, *, admin: bool = False) -> Iterator[Client]:
    with serve.application(folder, test, webmushra, folder / "results", admin) as app:
        yield Client(app)


def sent(data: object) -> dict[str, object]:
    """A request as webMUSHRA makes it: a form's field, but nothing in it escaped."""
    body = f"sessionJSON={json.dumps(data, ensure_ascii=False)}".encode()
    return {"path": "/service/write.php", "data": body, "content_type": "application/x-www-form-urlencoded"}


def backups(folder: Path) -> list[Path]:
    return sorted((folder / "results" / "submissions").glob("*"))


def test_the_test_lies_below_webmushras_configurations_and_the_mapping_nowhere(export: Export, webmushra: Path) -> None:
    folder, test = export()
    name = next(path.name for path in (folder / "served" / "audio").iterdir())
    with client(folder, test, webmushra) as browser:
        for path in ("/", "/index.html", "/configs/default.yaml", f"/configs/{test.name}/group1.yaml"):
            assert browser.get(path).status_code == 200
        audio = browser.get(f"/configs/{test.name}/audio/{name}")
        assert audio.data == (folder / "served" / "audio" / name).read_bytes()
        for path in (
            "mapping.json",
            "../mapping.json",
            "..%2fmapping.json",
            "../choice.csv",
            "../results/webmushra.json",
        ):
            assert browser.get(f"/configs/{test.name}/{path}").status_code == 404
    assert list((webmushra / "configs").iterdir()) == [webmushra / "configs" / "default.yaml"]


@pytest.mark.parametrize("listener", ["anna", 'a+b&c=d 100%25 ü "q" ;', "007"])
def test_a_submission_arrives_as_it_was_meant_and_is_kept_as_it_was_sent(
    export: Export, webmushra: Path, listener: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, test = export()
    capsys.readouterr()
    data = submission(test, "group1", listener, lambda page, key: 50)
    with client(folder, test, webmushra) as browser:
        assert browser.post(**sent(data)).get_json()["error"] is False
    [backup] = backups(folder)
    assert capsys.readouterr().out == f"answers stored; backup: {backup}\n"
    assert json.loads(backup.read_text()) == data
    stored = json.loads((folder / "results" / "webmushra.json").read_text())[test.name]
    assert len(stored) == len(test.groups["group1"])
    assert str(stored["1"]["questionaire"]["listener"]) == listener.lstrip("0")  # pymushra makes numbers of digits


def test_an_escaped_submission_is_understood_too(export: Export, webmushra: Path) -> None:
    folder, test = export()
    data = submission(test, "group1", "a+b&c", lambda page, key: 50)
    with client(folder, test, webmushra) as browser:
        answer = browser.post("/service/write.php", data={"sessionJSON": json.dumps(data)})
        assert answer.get_json()["error"] is False
    assert json.loads(backups(folder)[0].read_text()) == data


def test_submissions_at_one_moment_are_all_stored(export: Export, webmushra: Path) -> None:
    folder, test = export()
    everyone = [submission(test, "group1", f"listener{n}", lambda page, key: 50) for n in range(12)]
    with serve.application(folder, test, webmushra, folder / "results") as app:
        threads = [threading.Thread(target=lambda data=data: Client(app).post(**sent(data))) for data in everyone]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    stored = json.loads((folder / "results" / "webmushra.json").read_text())[test.name].values()
    assert {trial["questionaire"]["listener"] for trial in stored} == {f"listener{n}" for n in range(12)}
    assert len(stored) == 12 * len(test.groups["group1"]) and len(backups(folder)) == 12


def test_what_pymushra_cannot_store_is_kept_and_told(
    export: Export, webmushra: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, test = export()
    with client(folder, test, webmushra) as browser:
        browser.post(**sent({"testId": test.name, "trials": []}))
    [backup] = backups(folder)
    assert "did not store a submission" in capsys.readouterr().err
    assert "trials" in backup.read_text()


def test_administration_is_closed_unless_asked_for(export: Export, webmushra: Path) -> None:
    folder, test = export()
    with client(folder, test, webmushra) as browser:
        browser.post(**sent(submission(test, "group1", "anna", lambda page, key: 50)))
        for path in ("/admin/", f"/admin/delete/{test.name}/", f"/download/{test.name}.csv"):
            assert browser.get(path, environ_base=HERE).status_code == 403
    with client(folder, test, webmushra, admin=True) as browser:
        path = f"/download/{test.name}.csv"
        assert browser.get(path, environ_base=HERE).status_code == 200
        assert browser.get(path, environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 403


def test_altered_files_are_found_before_anyone_listens(export: Export) -> None:
    folder, test = export()
    serve.check(folder, test)
    victim = next((folder / "served" / "audio").iterdir())
    victim.write_bytes(victim.read_bytes()[:-2] + b"\0\1")
    with pytest.raises(UserError, match=f"{victim.name}: altered since it was exported"):
        serve.check(folder, test)
    victim.write_bytes(b"RIFF")
    with pytest.raises(UserError, match=f"{victim.name}: not a readable audio file"):
        serve.check(folder, test)
    victim.unlink()
    with pytest.raises(UserError, match=f"{victim.name}: no such file"):
        serve.check(folder, test)


def test_addresses_name_each_groups_configuration(export: Export) -> None:
    _, test = export(clips=8, per_listener=4)
    assert serve.urls(test, "127.0.0.1", 80) == {
        group: f"http://127.0.0.1:80/?config={test.name}/{group}.yaml" for group in ("group1", "group2")
    }
    assert serve.urls(test, "::1", 80)["group1"].startswith("http://[::1]:80/")


def test_the_command_answers_on_this_machine_alone_until_interrupted(export: Export, webmushra: Path) -> None:
    folder, test = export()
    with serving(folder, webmushra) as (process, urls):
        port = urlsplit(urls["group1"]).port
        assert urls == {"group1": f"http://127.0.0.1:{port}/?config={test.name}/group1.yaml"}
        assert urllib.request.urlopen(urls["group1"], timeout=60).read() == b"<title>webMUSHRA</title>"
        others = socket.gethostbyname_ex(socket.gethostname())[2]
        for host in (other for other in others if not other.startswith("127.")):
            with pytest.raises(OSError), socket.create_connection((host, port), timeout=2):
                pass
        with pytest.raises(UserError, match=f"port={port}: cannot be used"):
            serve.listen(None, "127.0.0.1", port)
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=60)
        assert process.returncode == 128 + signal.SIGTERM
        assert "bench: stopped by SIGTERM; what was finished is stored" in told
        assert "Traceback" not in told and "debugger" not in told.lower()
