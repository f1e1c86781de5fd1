"""Serve a test: webMUSHRA and the exported folder, with pymushra storing the answers.

pymushra's own command exposes a debugger to the network. Here its application runs in waitress, by default reachable
only from this machine.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.core import audio
from bench.core.errors import UserError
from bench.core.files import naming, sha256
from listening_test.design.mapping import Test
from listening_test.webmushra.export import SERVED

if TYPE_CHECKING:
    from collections.abc import Iterator

DATABASE = "webmushra.json"
AUTO = "auto"


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
        _unaltered(path, answer.sha256)
    for tone in test.tones.values():
        _unaltered(folder / SERVED / tone.file, tone.sha256)
    for group in test.groups:
        if not (path := folder / SERVED / f"{group}.yaml").is_file():
            raise UserError(f"{path}: no such file; export the test again")


def _unaltered(path: Path, expected: str) -> None:
    if sha256(path) != expected:
        raise UserError(f"{path}: altered since it was exported; export the test again")


def address(host: str, port: int) -> str:
    """The address that everyone opens. For a host that stands for every address of this machine: one of them."""
    if host in ("0.0.0.0", "::", ""):
        host = _own_address() or socket.gethostname()
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/"


def _own_address() -> str:
    """This machine's address in its network; empty if it has none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # reserved for documentation: any address beyond this network
            return str(probe.getsockname()[0])
        except OSError:
            return ""


def urls(test: Test, host: str, port: int) -> dict[str, str]:
    """The address that each group of listeners opens."""
    return {group: f"{address(host, port)}?config={test.name}/{group}.yaml" for group in test.groups}


def completion_code(test: Test, asked: str | None) -> Callable[[str], str] | None:
    """The code that is shown to who has finished, by a session's id; None: none is shown.

    Args:
        asked: the code; "auto": a different one for each session, which only the test's secret tells.

    Raises:
        UserError: the test has no secret.
    """
    if asked is None:
        return None
    if asked != AUTO:
        return lambda uuid: asked
    if not test.secret:
        raise UserError("completion_code=auto: this test was exported before it had a secret; export it again")
    return lambda uuid: code_of(test, uuid)


def code_of(test: Test, uuid: str) -> str:
    """A session's own completion code, of eight characters."""
    return hmac.new(test.secret.encode(), uuid.encode(), hashlib.sha256).hexdigest()[:8].upper()


@contextmanager
def application(
    folder: Path, test: Test, webmushra: Path, results: Path, admin: bool = False, code: str | None = None
) -> Iterator[Any]:
    """The WSGI application: webMUSHRA's files, the test below its ``configs/``, and a store for answers.

    Args:
        folder: of the exported test.
        webmushra: the checkout; it is not written to.
        results: the folder where answers are stored, outside the served folders.
        admin: whether pymushra's administration pages are available from this machine.
        code: the completion code, or "auto".
    """
    from pymushra import service
    from tinydb import TinyDB
    from werkzeug.exceptions import NotFound
    from werkzeug.middleware.shared_data import SharedDataMiddleware

    from listening_test.webmushra.received import Received
    from listening_test.webmushra.study import Study

    with naming(results):
        results.mkdir(parents=True, exist_ok=True)
    with TinyDB(results / DATABASE) as database:
        service.app.config.update(
            webmushra_dir=str(webmushra.resolve()),
            db=database,
            admin_allowlist=["127.0.0.1", "::1"] if admin else [],
        )
        served = SharedDataMiddleware(
            NotFound(), {f"/configs/{test.name}": str((folder / SERVED).resolve())}, cache=False
        )
        received, index = Received(results, test), webmushra / "index.html"
        yield Study(test, service.app, served, index, received, admin, completion_code(test, code))


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
    groups = [f"{group}: {url}" for group, url in urls(test, host, port).items()]
    dealt = f"; it deals out the {len(groups)} groups evenly" if len(groups) > 1 else ""
    return [
        f"listeners: {address(host, port)}{dealt}",
        *groups,
        f"who has finished: http://127.0.0.1:{port}/live (on this machine only)",
        f"answers are stored in {results}; Ctrl-C ends",
    ]
