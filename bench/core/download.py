"""Downloads that continue where they ended; whole files or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from bench.core.errors import UserError

Report = Callable[[int, int | None], None]

SECONDS = 30
"""A server that sends nothing for so long is given up."""

LARGEST = 16 * 2**30
"""Bytes of one file."""


def download(address: str, path: Path, report: Report = lambda done, whole: None) -> None:
    """Download ``address`` to ``path``; what an earlier attempt left in ``path.part`` is continued.

    Args:
        report: called now and then with the number of bytes that are here, and of all (None: not known).

    Raises:
        UserError: no network, no such file, a server that stopped sending.
    """
    import requests

    part = path.with_name(path.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        with requests.get(address, stream=True, timeout=SECONDS, headers=headers) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:  # it has changed meanwhile
                part.unlink()
                raise UserError(f"{address}: an earlier part did not fit and was deleted; try again")
            answer.raise_for_status()
            continued = answer.status_code == requests.codes.partial_content
            expected = _length(answer.headers, have if continued else 0)
            with part.open("ab" if continued else "wb") as file:
                for block in answer.iter_content(2**16):
                    file.write(block)
                    report(file.tell(), expected)
                    if file.tell() > LARGEST:
                        raise UserError(f"{address}: larger than {LARGEST >> 30} GiB")
    except requests.RequestException as error:
        raise UserError(f"{address}: cannot be fetched ({_reason(error)}); put it to {path} otherwise") from None
    except OSError as error:
        raise UserError(f"{part}: cannot be written ({error.strerror or error})") from None
    if expected is not None and part.stat().st_size != expected:
        raise UserError(f"{address}: ended early; the same command continues it")
    part.replace(path)


def _length(headers: Mapping[str, str], have: int) -> int | None:
    length = headers.get("Content-Length")
    return None if length is None or "Content-Encoding" in headers else int(length) + have


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"{response.status_code} {response.reason}"
    kinds = {"ConnectTimeout": "no answer", "ReadTimeout": "no answer", "ChunkedEncodingError": "connection broken"}
    return kinds.get(type(error).__name__, "no connection")
