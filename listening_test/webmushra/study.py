"""The web application of a listening test: webMUSHRA's pages with our scripts, the test's files, and what is sent.

Of webMUSHRA's folder only what a browser needs is served. A session is kept (``received``) before it is confirmed and
handed to pymushra, one at a time, because pymushra's store does not support concurrent writes.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from io import BytesIO, StringIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_plus, urlencode

from werkzeug.wrappers import Request, Response

from listening_test.design.mapping import Test
from listening_test.webmushra import live
from listening_test.webmushra.dealing import Dealing
from listening_test.webmushra.received import LARGEST, Received, Refused

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

PARAMETERS = ("listener", "PROLIFIC_PID", "participant", "workerId")
"""Parameters of the address that hold a participant's id, as in ``scripts/session.js``."""

_SCRIPTS = Path(__file__).parent / "scripts"
_STARTUP = re.compile(r'(?=<script src="startup\.js")|(?=</body>)|\Z')
_HEAD = '<link rel="stylesheet" href="study.css"><script src="study.js"></script>\n'
_FIELD = "sessionJSON="
_PUBLIC = re.compile(r"/(favicon\.ico|startup\.js|(lib|design|res)/[^/.][^/]*(/[^/.][^/]*)*)")
_ADMIN = re.compile(r"/(admin|download|static)(/.*)?")

App = Callable[..., Iterable[bytes]]


class Study:
    """The WSGI application.

    Args:
        pymushra: its application, which also serves webMUSHRA's files.
        served: an application that serves the test's folder below ``/configs/``.
        index: webMUSHRA's first page.
        admin: whether pymushra's administration pages are passed on (it restricts them to this machine).
        code: the completion code of a session's id; None: there is none.
    """

    def __init__(
        self,
        test: Test,
        pymushra: App,
        served: App,
        index: Path,
        received: Received,
        admin: bool = False,
        code: Callable[[str], str] | None = None,
    ) -> None:
        self.test, self.received = test, received
        self._pymushra, self._served, self._index = pymushra, served, index
        self._admin, self._code = admin, code
        self._dealing = Dealing(test.groups)
        self._one_at_a_time = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        if request.method == "POST":
            return self._post(request)(environ, start_response)
        return self._get(request, environ)(environ, start_response)

    def _get(self, request: Request, environ: WSGIEnvironment) -> App:
        path = request.path
        if path in ("/", "/index.html"):
            return self._first(request)
        if path == "/study.js":
            scripts = [(_SCRIPTS / name).read_text(encoding="utf-8") for name in ("keep.js", "rules.js", "session.js")]
            return _text("\n".join(scripts), "text/javascript")
        if path == "/study.css":
            return _text((_SCRIPTS / "study.css").read_text(encoding="utf-8"), "text/css")
        if path == "/service/progress":
            state = self.received.state(request.args.get("uuid", ""))
            return _json(state, 200 if state else 404)
        if path == "/live" and live.is_here(environ):
            title = str(self.test.config.get("title", self.test.name))
            return _text(live.page(title, self.test.groups, self.received.seen()), "text/html")
        if path.startswith(f"/configs/{self.test.name}/"):
            return self._blind(environ)
        if _PUBLIC.fullmatch(path) or (self._admin and _ADMIN.fullmatch(path)):
            return self._pymushra
        return Response("not found", 403 if _ADMIN.fullmatch(path) else 404)

    def _first(self, request: Request) -> App:
        """webMUSHRA's page with our scripts; without a configuration, the way to a group."""
        if "config" not in request.args:
            listener = next(filter(None, (request.args.get(name) for name in PARAMETERS)), "")
            group = self._dealing.group(self.received.seen(), listener)
            asked = {"config": f"{self.test.name}/{group}.yaml", **request.args.to_dict()}
            return Response(status=302, headers={"Location": f"?{urlencode(asked, safe='/')}"})
        page = self._index.read_text(encoding="utf-8", errors="replace")
        place = next(_STARTUP.finditer(page)).start()
        return _text(f"{page[:place]}{_HEAD}{page[place:]}", "text/html")

    def _blind(self, environ: WSGIEnvironment) -> Response:
        """A file of the test, without a word on when it was written: the order is that of the conditions."""
        response = Response.from_app(self._served, environ)
        for name in ("ETag", "Last-Modified", "Date"):
            response.headers.pop(name, None)
        return response

    def _post(self, request: Request) -> Response:
        try:
            if request.path == "/service/progress":
                self.received.progress(_sent(request))
                return _json({"error": False, "kept": True})
            if request.path in ("/service/write.php", "/collect", f"/{self.test.name}/collect"):
                return self._submission(_sent(request))
            raise Refused(404, "nothing is stored here")
        except Refused as refused:
            print(f"not stored: {refused}", file=sys.stderr)
            return _json({"error": True, "kept": False, "message": str(refused)}, refused.status)

    def _submission(self, sent: str) -> Response:
        kept, new = self.received.submission(sent)
        data = json.loads(sent)
        if new:
            self._hand_on({name: value for name, value in data.items() if name != "study"}, kept)
        code = {} if self._code is None else {"code": self._code(str(data["uuid"]))}
        return _json({"error": False, "kept": True, **code})

    def _hand_on(self, data: Any, kept: Path) -> None:
        """Give a session to pymushra, and report a failure to the experimenter: it is kept in any case."""
        passed = f"{_FIELD}{quote(json.dumps(data))}".encode()
        environ = {
            **Request.from_values("/collect", method="POST", input_stream=BytesIO(passed)).environ,
            "CONTENT_LENGTH": str(len(passed)),
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
        }
        with self._one_at_a_time, redirect_stdout(StringIO()):  # pymushra prints its store's ids
            response = Response.from_app(self._pymushra, environ)
            answer = response.get_data(as_text=True)
        try:
            failed = response.status_code != 200 or json.loads(answer)["error"]
        except (ValueError, KeyError, TypeError):
            failed = True
        if failed:
            print(f"pymushra did not store a submission ({answer[:200].strip()}); import {kept}", file=sys.stderr)
        else:
            print(f"answers stored; backup: {kept}", flush=True)


def _sent(request: Request) -> str:
    """The session as it was sent; webMUSHRA itself does not escape its JSON, our script does."""
    if (request.content_length or 0) > 3 * LARGEST:
        raise Refused(413, "too large")
    body = request.stream.read(3 * LARGEST).decode("utf-8", "surrogateescape")
    sent = body.removeprefix(_FIELD)
    return sent if sent.startswith("{") else unquote_plus(sent)


def _json(data: Any, status: int = 200) -> Response:
    return Response(json.dumps(data), status, mimetype="application/json")


def _text(content: str, kind: str) -> Response:
    return Response(content, mimetype=kind, headers={"Cache-Control": "no-store"})
