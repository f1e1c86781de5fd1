"""The server: what it shows and hides, that no submission is lost, and that it is no debugger."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
import socket
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from werkzeug.test import Client

from bench.commands.table import COMMANDS
from bench.core.errors import UserError
from listening_test.design.mapping import Test
from listening_test.webmushra import received, serve
from listening_test.webmushra.dealing import Dealing
from listening_test.webmushra.received import Seen
from tests.listening_test.conftest import Export
from tests.listening_test.serving import serving
from tests.listening_test.simulate import submission

HERE = {"REMOTE_ADDR": "127.0.0.1"}


@pytest.fixture
def webmushra(tmp_path: Path) -> Path:
    """What a checkout is told by, and a page."""
    folder = tmp_path / "webMUSHRA"
    (folder / "lib" / "webmushra").mkdir(parents=True)
    (folder / "lib" / "webmushra" / "page.js").write_text("theirs")
    (folder / "index.html").write_text('<title>webMUSHRA</title><script src="startup.js"></script>')
    (folder / "startup.js").write_text("start")
    for private in (".git", "service", "lib/.secret"):
        (folder / private).mkdir()
        (folder / private / "config").write_text("private")
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
        for path in ("/?config=x", "/index.html?config=x", "/startup.js", "/lib/webmushra/page.js", "/study.css"):
            assert browser.get(path).status_code == 200
        assert browser.get(f"/configs/{test.name}/group1.yaml").status_code == 200
        for path in (
            "/.git/config",
            "/service/config",
            "/lib/.secret/config",
            "/configs/default.yaml",
            "/lib/../.git/config",
        ):
            assert browser.get(path).status_code == 404, path
        audio = browser.get(f"/configs/{test.name}/audio/{name}")
        assert audio.data == (folder / "served" / "audio" / name).read_bytes()
        assert not {"ETag", "Last-Modified", "Date"} & set(audio.headers.keys())
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
        assert browser.post(**sent(data)).get_json() == {"error": False, "kept": True}
        assert browser.post(**sent(data)).get_json() == {"error": False, "kept": True}  # the answer was lost on its way
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
        data = submission(test, "group1", "anna", lambda page, key: 50)
        del data["participant"]
        assert browser.post(**sent(data)).get_json()["kept"] is True
    [backup] = backups(folder)
    assert "did not store a submission" in capsys.readouterr().err
    assert "trials" in backup.read_text()


def small(test: Test, uuid: str, /, **changes: object) -> dict[str, object]:
    return {**submission(test, "group1", "anna", lambda page, key: 50), "uuid": uuid, **changes}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"testId": "another"}, 400),
        ({"trials": []}, 400),
        ({"trials": 3}, 400),
        ({"trials": [{"id": "p000"}]}, 400),
        ({"uuid": "../../x"}, 400),
        ({"more": "x" * 2**20}, 413),
    ],
)
def test_only_answers_to_the_test_are_kept(
    export: Export, webmushra: Path, change: dict[str, object], status: int
) -> None:
    folder, test = export()
    with client(folder, test, webmushra) as browser:
        answer = browser.post(**sent(small(test, "12345678", **change)))
        assert (answer.status_code, answer.get_json()["kept"]) == (status, False)
        for body in (b"", b"junk", b"[" * 100_000):
            assert browser.post("/service/write.php", data=body).status_code == 400
        assert browser.post("/elsewhere", data=b"{}").status_code == 404
    assert not backups(folder)


def test_backups_are_bounded_in_number(export: Export, webmushra: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, test = export()
    monkeypatch.setattr(received, "MOST", 2)
    with client(folder, test, webmushra) as browser:
        answers = [browser.post(**sent(small(test, f"1234567{n}"))).status_code for n in range(3)]
    assert answers == [200, 200, 507] and len(backups(folder)) == 2


def test_a_session_under_way_is_kept_and_given_back_until_it_is_finished(export: Export, webmushra: Path) -> None:
    folder, test = export()
    data = small(test, "12345678", study={"page": 3, "pages": 9, "state": {"revision": 5}})
    with client(folder, test, webmushra) as browser:
        where = {**sent({**data, "trials": []}), "path": "/service/progress"}
        assert browser.post(**where).get_json()["kept"] is True
        assert browser.get("/service/progress?uuid=12345678").get_json() == {"revision": 5}
        assert browser.get("/service/progress?uuid=../x").status_code == 404
        live = browser.get("/live", environ_base=HERE, headers={"Host": "localhost:5000"}).get_data(as_text=True)
        assert "3 of 9" in live and "1 begun" in live
        browser.post(**sent(data))
        browser.post(**where)  # late
    assert not list((folder / "results" / "progress").iterdir()) and len(backups(folder)) == 1


def test_the_live_page_is_for_this_machine_and_text(export: Export, webmushra: Path) -> None:
    folder, test = export()
    local = {"Host": "localhost:5000"}
    with client(folder, test, webmushra) as browser:
        browser.post(**sent(submission(test, "group1", "<script>x</script>", lambda page, key: 50)))
        page = browser.get("/live", environ_base=HERE, headers=local)
        assert page.status_code == 200 and "<script>" not in page.get_data(as_text=True)
        assert "1 finished" in page.get_data(as_text=True)
        for others in (
            {"environ_base": {"REMOTE_ADDR": "192.0.2.1"}, "headers": local},
            {"environ_base": HERE, "headers": {"Host": "evil.example:5000"}},
            {"environ_base": HERE, "headers": {**local, "X-Forwarded-For": "192.0.2.1"}},
        ):
            assert browser.get("/live", **others).status_code == 404


def test_one_address_deals_the_groups_out_evenly(export: Export, webmushra: Path) -> None:
    folder, test = export(clips=8, per_listener=2)
    with client(folder, test, webmushra) as browser:

        def dealt(**asked: str) -> str:
            answer = browser.get("/", query_string=asked)
            assert answer.status_code == 302
            assert all(f"{name}={value}" in answer.headers["Location"] for name, value in asked.items())
            return str(re.search(r"config=[^/]+/(group\d)\.yaml", answer.headers["Location"])[1])

        assert Counter(dealt() for _ in range(12)) == {f"group{n}": 3 for n in range(1, 5)}
        browser.post(**sent(submission(test, "group3", "p1", lambda page, key: 50)))
        assert dealt(PROLIFIC_PID="p1") == "group3"


def test_who_goes_away_is_replaced() -> None:
    now = [0.0]
    dealing = Dealing(["a", "b"], lambda: now[0])
    gone = Seen("u1", "", "a", 1, 9, False, 0.0)
    done = Seen("u2", "", "b", 9, 9, True, 0.0)
    assert dealing.group([gone, done]) == "a"  # one each
    now[0] = 4000.0
    assert [dealing.group([gone, done]) for _ in range(3)] == ["a", "a", "b"]


def test_completion_codes(export: Export, webmushra: Path) -> None:
    folder, test = export()
    for asked, expected in (("C0FFEE", "C0FFEE"), ("auto", serve.code_of(test, "12345678"))):
        with serve.application(folder, test, webmushra, folder / "results", code=asked) as app:
            assert Client(app).post(**sent(small(test, "12345678"))).get_json()["code"] == expected
    assert re.fullmatch("[0-9A-F]{8}", expected) and serve.code_of(test, "12345679") != expected
    old = dataclasses.replace(test, secret="")
    with pytest.raises(UserError, match="exported before it had a secret"):
        serve.completion_code(old, "auto")


def test_an_address_that_others_can_open_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "_own_address", lambda: "192.0.2.7")
    assert serve.address("0.0.0.0", 5000) == serve.address("::", 5000) == "http://192.0.2.7:5000/"
    assert serve.address("127.0.0.1", 80) == "http://127.0.0.1:80/"


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


def test_a_step_says_that_it_starts_before_it_imports_anything_slow(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with pytest.raises(UserError, match="no listening test in this folder"):
        COMMANDS["mushra serve"].call([str(tmp_path)])
    assert capsys.readouterr().err == "bench mushra serve: starting\n"


def test_the_command_answers_on_this_machine_alone_until_interrupted(export: Export, webmushra: Path) -> None:
    folder, test = export()
    with serving(folder, webmushra) as (process, urls):
        port = urlsplit(urls["group1"]).port
        assert urls == {
            "listeners": f"http://127.0.0.1:{port}/",
            "group1": f"http://127.0.0.1:{port}/?config={test.name}/group1.yaml",
        }
        for url in urls.values():
            page = urllib.request.urlopen(url, timeout=60).read()
            assert page.startswith(b"<title>webMUSHRA</title>") and page.index(b"study.js") < page.index(b"startup.js")
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
