"""A page for the experimenter: who has begun, how far they are, who has finished."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from listening_test.webmushra.received import Seen

_STYLE = "body{font-family:sans-serif} td,th{padding:.2em 1em;text-align:left}"
_HERE = ("127.0.0.1", "::1")
_NAMES = ("localhost", "127.0.0.1", "[::1]")
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA")


def is_here(environ: Mapping[str, object]) -> bool:
    """Whether a request comes from this machine: from a loopback address, to a loopback name, through no proxy."""
    host = str(environ.get("HTTP_HOST", "")).rsplit(":", 1)[0] if environ.get("HTTP_HOST") else ""
    direct = not any(name in environ for name in _FORWARDED)
    return environ.get("REMOTE_ADDR") in _HERE and host in _NAMES and direct


def page(title: str, groups: Iterable[str], sessions: Iterable[Seen]) -> str:
    """The page as HTML, which loads itself again every ten seconds."""
    sessions = list(sessions)
    finished = Counter(one.group for one in sessions if one.finished)
    begun = Counter(one.group for one in sessions if not one.finished)
    totals = "".join(f"<li>{_(group)}: {finished[group]} finished, {begun[group]} begun</li>" for group in groups)
    rows = "".join(
        f"<tr><td>{_(one.listener) or '-'}</td><td>{_(one.group)}</td><td>{_how_far(one)}</td>"
        f"<td>{datetime.fromtimestamp(one.at):%Y-%m-%d %H:%M:%S}</td><td>{_(one.uuid)}</td></tr>"
        for one in sessions
    )
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><meta http-equiv='refresh' content='10'>"
        f"<title>{_(title)}</title><style>{_STYLE}</style>"
        f"<h1>{_(title)}</h1><ul>{totals}</ul>"
        f"<table><tr><th>listener</th><th>group</th><th>pages</th><th>last heard of</th><th>session</th></tr>{rows}"
        f"</table></html>"
    )


def _how_far(one: Seen) -> str:
    if one.finished:
        return "finished"
    return f"{one.page} of {one.pages}" if one.pages else "begun"


def _(text: str) -> str:
    return html.escape(text)
