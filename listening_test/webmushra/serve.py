"""Serve a test: webMUSHRA and the exported folder, with pymushra storing the answers.

pymushra's own command exposes a debugger to the network. Here its application runs in waitress, by default reachable
only from this machine.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import datetime, timezone
from io import BytesIO, StringIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_plus

from bench.core import audio
from bench.core.errors import UserError
from bench.core.files import naming, replacing, sha256
from listening_test.design.mapping import Test
from listening_test.webmushra.export import SERVED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

DATABASE, BACKUPS = "webmushra.json", "submissions"
LARGEST = 2**24
"""Maximum size of a submission in bytes; a long session needs a hundredth of it."""

_FIELD = "sessionJSON="


def check(folder: Path, test: Test) -> None:
    """Check that all served files exist and are unchanged: with a damaged file webMUSHRA would load forever.

    Raises:
        UserError: a file is missing, changed, or not a recording.
    """
    answers = [test.volume]
    for page in test.pages.values():
        answers += [*page.answers.values(), *([page.reference] if page.reference else [])]
    for answer in dict.fromkeys(answers):
        path = folder / SERVED / answer.file
        audio.read(path)
        if sha256(path) != answer.sha256:
            raise UserError(f"{path}: altered since it was exported; export the test again")
    for group in test.groups:
        if not (path := folder / SERVED / f"{group}.yaml").is_file():
            raise UserError(f"{path}: no such file; export the test again")


def urls(test: Test, host: str, port: int) -> dict[str, str]:
    """The address that each group of listeners opens."""
    shown = f"[{host}]" if ":" in host else host
    return {group: f"http://{shown}:{port}/?config={test.name}/{group}.yaml" for group in test.groups}


@contextmanager
def application(folder: Path, test: Test, webmushra: Path, results: Path, admin: bool = False) -> Iterator[Any]:
    """The WSGI application: webMUSHRA's files, the test below its ``configs/``, and a store for answers.

    Args:
        folder: of the exported test.
        webmushra: the checkout; it is not written to.
        results: the folder where answers are stored, outside the served folders.
        admin: whether pymushra's administration pages are available from this machine.
    """
    from pymushra import service
    from tinydb import TinyDB
    from werkzeug.middleware.shared_data import SharedDataMiddleware

    with naming(results):
        results.mkdir(parents=True, exist_ok=True)
    with TinyDB(results / DATABASE) as database:
        service.app.config.update(
            webmushra_dir=str(webmushra.resolve()),
            db=database,
            admin_allowlist=["127.0.0.1", "::1"] if admin else [],
        )
        served = {f"/configs/{test.name}": str((folder / SERVED).resolve())}
        yield Submissions(SharedDataMiddleware(service.app, served), results / BACKUPS)


class Submissions:
    """Middleware that stores every submission as it was sent, before pymushra processes it.

    webMUSHRA does not escape its JSON: an ``&`` would truncate it, a ``+`` would become a space. It is escaped before
    it is passed on. pymushra's store does not support concurrent writes, so submissions are passed on one at a time.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], folder: Path) -> None:
        self.app, self.folder = app, folder
        self._one_at_a_time = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            return self.app(environ, start_response)
        from werkzeug.wrappers import Response

        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > LARGEST:
            return Response("too large", 413)(environ, start_response)
        body = environ["wsgi.input"].read(length).decode("utf-8", "surrogateescape")
        sent = body.removeprefix(_FIELD)
        sent = sent if sent.startswith("{") else unquote_plus(sent)
        with self._one_at_a_time:
            kept = self._keep(sent)
            passed = f"{_FIELD}{quote(sent, errors='surrogateescape')}".encode()
            environ |= {"wsgi.input": BytesIO(passed), "CONTENT_LENGTH": str(len(passed))}
            with redirect_stdout(StringIO()):  # pymushra prints its store's ids
                response = Response.from_app(self.app, environ)
        self._tell(kept, response.status_code, response.get_data(as_text=True))
        return response(environ, start_response)

    def _keep(self, sent: str) -> Path:
        moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")
        path = self.folder / f"{moment}.json"
        with replacing(path) as temporary:
            temporary.write_text(sent, encoding="utf-8", errors="surrogateescape")
        return path

    def _tell(self, kept: Path, status: int, answer: str) -> None:
        """Report a failure to the experimenter; webMUSHRA does not show it to the listener."""
        try:
            failed = status != 200 or json.loads(answer)["error"]
        except (ValueError, KeyError, TypeError):
            failed = True
        if failed:
            print(f"pymushra did not store a submission ({answer[:200].strip()}); import {kept}", file=sys.stderr)
        else:
            print(f"answers stored; backup: {kept}", flush=True)


def listen(app: Any, host: str, port: int) -> Any:
    """A server bound to its address; its ``run`` method serves until interrupted.

    Raises:
        UserError: the address cannot be used.
    """
    import waitress

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # its warnings about many requests are harmless
    try:
        return waitress.create_server(app, host=host, port=port, threads=8, ident=None)
    except (OSError, ValueError) as error:
        raise UserError(f"port={port}: cannot be used on {host} ({error}); choose another port or host") from error


def lines(test: Test, host: str, port: int, results: Path) -> Sequence[str]:
    """The lines printed for the experimenter."""
    shown = [f"{group}: {url}" for group, url in urls(test, host, port).items()]
    return [*shown, f"answers are stored in {results}; Ctrl-C ends"]
