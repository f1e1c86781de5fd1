"""``bench data``: datasets listed, prepared, verified, compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench.commands.data_keys import PLACE, PREPARE
from bench.conf.compose import OVERRIDE
from bench.conf.values import Unreadable, read, settled
from bench.core.errors import UserError, did_you_mean
from bench.core.notes import show
from bench.datasets.corpora import card as cards
from bench.datasets.corpora import stored
from bench.datasets.corpora.fetching import fetch
from bench.datasets.corpora.plans import SPLITS, plan
from bench.datasets.corpora.preparing import prepare


def listing(arguments: Sequence[str] = ()) -> str:
    """Every dataset that can be prepared, and whether it is.

    Raises:
        UserError: something is named.
    """
    if arguments:
        raise UserError("usage: bench data list; bench data info NAME tells of one")
    return "\n".join(f"{name} ({_state(cards.card(name))}): {cards.card(name).summary}" for name in cards.names())


def info(wanted: Sequence[str]) -> str:
    """The card of one dataset, what it is made from, and its identity where it is prepared.

    Raises:
        UserError: no such dataset.
    """
    name, given = _one(wanted, "data info NAME [dir=FOLDER]", PLACE)
    about = cards.card(name)
    lines = [about.told(), *(f"    {line}" for line in PREPARE.values())]
    folder = _folder(given, "dir", name)
    try:
        found = stored.read_about(folder, about)
    except UserError as error:
        return "\n".join([*lines, f"not prepared: {error}"])
    lines.append(f"prepared in {folder}, with {', '.join(found.versions.values())}")
    for split, own in found.splits.items():
        rates = "/".join(map(str, own.rates))
        lines.append(f"    {split}: {own.recordings} recordings at {rates} Hz, content {own.content[:16]}")
    return "\n".join([*lines, *(f"    {line}" for line in found.partial)])


def prepared(arguments: Sequence[str]) -> list[str]:
    """Prepare a dataset; what could not be made, each a line.

    Raises:
        UserError: a name, key or folder does not fit.
    """
    from bench.run.machine import local_cores
    from bench.run.progress import progress

    name, given = _one(arguments, "data prepare NAME [KEY=VALUE ...]")
    about = cards.card(name)
    own = {key: given.pop(key) for key in PREPARE if key in given and key != SPLITS}
    out, workers = _folder(own, "out", name), own.get("workers")
    if workers is not None and (type(workers) is not int or workers < 0):
        raise UserError(f"workers must be a whole number from 0, got {workers!r}")
    if isinstance(given.get(SPLITS), str):
        given[SPLITS] = [given[SPLITS]]
    if target := own.get("download"):
        folder = Path(str(target)).expanduser()
        fetch(about, folder, given.get(SPLITS) or (), _Download())
        given.setdefault(next(iter(about.raw)), str(folder))
    wanted = plan(about, given, PREPARE)
    show(wanted.notes)
    result = prepare(wanted, out, local_cores() if workers is None else workers, partial(progress, what="recordings"))
    print(f"{result.made} recordings made now, {len(wanted.jobs)} in all, {len(result.failures)} failed")
    print(f"{'begun' if result.failures else 'prepared'} in {result.folder}")
    if not result.failures:
        found = stored.read_about(out, about)
        left_out = len(wanted.jobs) - sum(own.recordings for own in found.splits.values())
        show([f"{left_out} of them are left out: the recipe wants louder speech"] * bool(left_out))
        show(stored.miscounted(about, found))
    return [f"{name}: {reason}" for name, reason in result.failures.items()]


def verified(arguments: Sequence[str]) -> list[str]:
    """Check a prepared dataset file by file; what is wrong, each a line.

    Raises:
        UserError: it is not there, or is another.
    """
    name, given = _one(arguments, "data verify NAME [dir=FOLDER]", PLACE)
    folder = _folder(given, "dir", name)
    wrong = stored.verify(folder, cards.card(name))
    show(stored.miscounted(cards.card(name), stored.read_about(folder, cards.card(name))))
    if not wrong:
        print(f"{name}: every file in {folder} is as it was prepared")
    return wrong


def _state(about: cards.Card) -> str:
    try:
        found = stored.read_about(stored.home(about.name), about)
    except UserError as error:
        return "preparation not finished" if "not finished" in str(error) else "not prepared"
    return "prepared: " + ", ".join(f"{split} {own.recordings}" for split, own in found.splits.items())


def _folder(given: Mapping[str, Any], key: str, name: str) -> Path:
    """The folder that ``key`` sets, or else where the prepared dataset ``name`` is looked for."""
    return Path(str(given[key])).expanduser() if key in given else stored.home(name)


def _one(arguments: Sequence[str], usage: str, keys: Collection[str] | None = None) -> tuple[str, dict[str, Any]]:
    """The one name among the arguments, and the keys that they set; of ``keys``, where these are given.

    Raises:
        UserError: not one thing is named, or a key is unknown or cannot be read.
    """
    given: dict[str, Any] = {}
    named = []
    for argument in arguments:
        if found := OVERRIDE.fullmatch(argument):
            try:
                given[found[1]] = settled(read(found[2]))
            except Unreadable as error:
                raise UserError(f"cannot read {argument!r}: {error}") from error
        else:
            named.append(argument)
    if len(named) != 1:
        raise UserError(f"usage: bench {usage}")
    for key in given:
        if keys is not None and key not in keys:
            raise did_you_mean(f"key of bench {usage.partition(' NAME')[0]}", key, keys)
    return named[0], given


class _Download:
    """Shows how much of a file has come, a line every tenth of it."""

    def __init__(self) -> None:
        self._shown: dict[str, int] = {}

    def __call__(self, name: str, done: int, whole: int | None) -> None:
        tenth = 10 * done // whole if whole else done >> 28
        if self._shown.get(name) != tenth:
            self._shown[name] = tenth
            show([f"{name}: {done / 1e6:.0f}{f' of {whole / 1e6:.0f}' if whole else ''} MB"])
