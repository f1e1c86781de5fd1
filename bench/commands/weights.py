"""``bench weights``: other people's weights in the catalogue, and the copies of them on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.core.errors import UserError
from bench.run.settings import SYSTEMS
from methods.catalogue import cache, fetch
from methods.catalogue.entry import Entry, entry, names


def listing() -> str:
    """Every entry: whether it is here, what it is, from where, under which licence, with which scores."""
    return "\n".join(_entry(entry(name)) for name in names())


def _entry(about: Entry) -> str:
    runs = f"method {about.method}" if about.method else f"metric {about.metric}"
    lines = [
        f"{about.name} ({'here' if cache.available(about.name) else 'not here'}): {about.summary}",
        f"    {runs}, from {about.kind} {about.address}, licence {about.licence}",
        f"    {about.paper}",
    ]
    if about.training:
        lines.append(f"    trained on {', '.join(about.training)}")
    if about.settings:
        lines.append(f"    published with {', '.join(f'{key}={value}' for key, value in about.settings.items())}")
    lines += [
        f"    published: {score['metric']} {score['value']} on {score['data']} ({score['source']})"
        for score in about.published
    ]
    return "\n".join(lines)


def get(wanted: Sequence[str]) -> list[str]:
    """Fetch these entries, or those of the systems that ``known`` stands for; what could not be had, each a line.

    Raises:
        UserError: an unknown name.
    """
    return _tried(_get, [entry(name).name for name in wanted or SYSTEMS])


def verify(wanted: Sequence[str]) -> list[str]:
    """Check the copies of these entries, or of all that are here; what is wrong, each a line.

    Raises:
        UserError: an unknown name.
    """
    return _tried(_verify, [entry(name).name for name in wanted] or list(filter(cache.available, names())))


def _get(name: str) -> None:
    for path in fetch.get(name, print).values():
        print(f"{name}: {path}")


def _verify(name: str) -> None:
    for file, digest in cache.digests(name).items():
        print(f"{name}: {file} {digest}")


def _tried(what: Callable[[str], None], wanted: Sequence[str]) -> list[str]:
    """Do it for every name; where it failed, why."""
    failures = []

    def trying(name: str) -> None:
        try:
            what(name)
        except UserError as error:
            failures.append(str(error))

    for name in wanted:
        trying(name)
    return failures
