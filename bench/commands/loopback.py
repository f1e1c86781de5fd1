"""A page served to this machine's own browser, which may send recordings back: to nobody else.

The address holds a token that only who started the server knows. Requests under another host's name (a name server
that points at this machine) or from another site's page are refused, and so is a body that is too large.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

from bench.core.errors import UserError

HOST = "127.0.0.1"
LARGEST = 16 * 2**20
"""Bytes of a recording: more than a minute of 16-bit samples at 96 kHz."""

PATIENCE = 30
"""Seconds for a request to arrive."""

Answer = Callable[[bytes, int], dict[str, Any]]
"""From a recording's bytes and its number to what the page is told."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a page that was closed is no error
            super().handle_error(request, client_address)


class Loopback:
    """The server, bound to its port.

    Args:
        port: 0: any that is free.

    Raises:
        UserError: the port cannot be used.
    """

    def __init__(self, page: str, answer: Answer, port: int = 0) -> None:
        self._page, self._answer = page.encode(), answer
        self._token = secrets.token_urlsafe(16)
        self._one_at_a_time, self._count = Lock(), 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            timeout = PATIENCE

            def do_GET(self) -> None:
                outer._get(self)

            def do_POST(self) -> None:
                outer._post(self)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: the terminal is the user's."""

        try:
            self._server = _Server((HOST, port), Handler)
        except (OSError, OverflowError) as error:
            raise UserError(f"port={port}: cannot be used ({error}); choose another") from error
        self.port = self._server.server_address[1]
        self.address = f"http://{HOST}:{self.port}/{self._token}/"

    def serve(self) -> None:
        """Answer until interrupted."""
        try:
            self._server.serve_forever(poll_interval=0.2)
        finally:
            self._server.server_close()

    def close(self) -> None:
        """End ``serve``, called in another thread."""
        self._server.shutdown()

    def _refused(self, request: BaseHTTPRequestHandler) -> bool:
        """Whether a request was refused: it is for another host, or does not know the token."""
        hosts = {f"{name}:{self.port}" for name in (HOST, "localhost")}
        if request.headers.get("Host") not in hosts:
            return _say(request, HTTPStatus.FORBIDDEN, "this page is for this machine only")
        origin = request.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in hosts}:
            return _say(request, HTTPStatus.FORBIDDEN, "requests of another site's page are refused")
        token = request.path.lstrip("/").partition("/")[0]
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            return _say(request, HTTPStatus.NOT_FOUND, "no such page; the terminal shows its address")
        return False

    def _get(self, request: BaseHTTPRequestHandler) -> None:
        if self._refused(request):
            return
        if request.path != f"/{self._token}/":
            _say(request, HTTPStatus.NOT_FOUND, "no such page")
            return
        _send(request, HTTPStatus.OK, "text/html; charset=utf-8", self._page)

    def _post(self, request: BaseHTTPRequestHandler) -> None:
        if (length := _length(request)) > LARGEST:
            _say(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {LARGEST // 2**20} MiB")
            return
        content = request.rfile.read(length)  # also of a refused request, which else would end in a reset connection
        if self._refused(request):
            return
        if request.path != f"/{self._token}/record" or request.headers.get("Origin") is None:
            _say(request, HTTPStatus.NOT_FOUND, "recordings come from the page")
        elif request.headers.get("Content-Type") != "audio/wav":
            _say(request, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a recording is WAV")
        elif not content:
            _say(request, HTTPStatus.LENGTH_REQUIRED, "an empty recording")
        else:
            self._record(request, content)

    def _record(self, request: BaseHTTPRequestHandler, content: bytes) -> None:
        with self._one_at_a_time:
            self._count += 1
            try:
                answer = json.dumps(self._answer(content, self._count)).encode()
            except UserError as error:
                _say(request, HTTPStatus.BAD_REQUEST, str(error))
                return
        _send(request, HTTPStatus.OK, "application/json", answer)


def _length(request: BaseHTTPRequestHandler) -> int:
    given = request.headers.get("Content-Length") or ""
    return int(given) if given.isascii() and given.isdigit() else 0


def _say(request: BaseHTTPRequestHandler, status: HTTPStatus, text: str) -> bool:
    request.close_connection = True  # whatever of a body is left is not read as the next request
    _send(request, status, "text/plain; charset=utf-8", text.encode())
    return True


def _send(request: BaseHTTPRequestHandler, status: HTTPStatus, kind: str, content: bytes) -> None:
    request.send_response(status)
    headers = {"Content-Type": kind, "Content-Length": str(len(content)), "Cache-Control": "no-store"}
    headers |= {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY"}
    for name, value in headers.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(content)
