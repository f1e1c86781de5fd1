"""Decode stored answers into ratings by the mapping; report duplicate, unfinished and damaged sessions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from bench.core import tables
from bench.core.errors import UserError
from listening_test.design.mapping import FILE as MAPPING
from listening_test.design.mapping import Test
from listening_test.webmushra import texts
from listening_test.webmushra.answers import NoAnswers, read
from listening_test.webmushra.received import BACKUPS, PROGRESS
from listening_test.webmushra.serve import DATABASE, code_of
from listening_test.webmushra.sessions import (
    Session,
    by_session,
    damaged_file,
    once,
    session_of,
    without_duplicates,
)

RATINGS, SESSIONS = "ratings.csv", "sessions.csv"
CHECKED = "headphones_check"
_OURS = (RATINGS, SESSIONS, "choice.csv", MAPPING)
BEFORE: Mapping[str, type] = {
    **dict.fromkeys(("listener", "session", "status", "group", "page"), str),
    "training": bool,
    **dict.fromkeys(("dataset", "utterance", "condition", "other"), str),
    **dict.fromkeys(("score", "seconds"), float),
}
"""The columns of ``ratings.csv`` as it was first written."""

COLUMNS: Mapping[str, type] = {**BEFORE, "again": bool, "played": float, "moved": float}
"""The columns of ``ratings.csv``, with their types: ``again`` for the second answer of two, ``played`` in seconds and
``moved`` (1 or 0) of the stimulus, empty where that is not known."""


def collect(files: Sequence[Path], test: Test) -> list[Session]:
    """Every session in ``files``, the earliest first if dates are known.

    A session with an answer that is impossible in this test, or an unreadable file among readable ones, is
    ``damaged``: it is listed with the reason and has no ratings. Other sessions are not affected.

    Args:
        files: files of answers, and folders with such.

    Raises:
        UserError: no file can be read, or belongs to this test.
    """
    sessions: list[Session] = []
    for file in expanded(files):
        try:
            found = read(file)
        except NoAnswers as error:
            if file.parent.name != PROGRESS and file.name != DATABASE:
                sessions.append(damaged_file(file, str(error)))
            continue
        except UserError as error:
            sessions.append(damaged_file(file, str(error)))
            continue
        given = [one for one in found if one.test == test.name]
        if not given:
            others = ", ".join(sorted({one.test for one in found}))
            sessions.append(damaged_file(file, f"{file}: answers to another test ({others}); this one is {test.name}"))
        sessions += [session_of(file, list(answers), test) for answers in by_session(given)]
    if all(session.status == "damaged" for session in sessions):
        raise UserError(next((session.note for session in sessions), "no file of answers"))
    sessions = sorted(once(sessions), key=lambda session: session.date)
    judged: list[Session] = []
    for session in sessions:
        judged.append(without_duplicates(session, judged))
    return judged


def expanded(named: Sequence[Path]) -> list[Path]:
    """The files of answers among what is named: of a folder of results its backups, which hold ids as typed, first.

    Raises:
        UserError: a folder has none.
    """
    found: list[Path] = []
    for path in named:
        if path.name == DATABASE and (path.parent / BACKUPS).is_dir():
            path = path.parent
        if not path.is_dir():
            found.append(path)
            continue
        folder = path / "results" if (path / MAPPING).is_file() else path
        parts = [sorted((folder / part).glob("[!.]*.json")) for part in (BACKUPS, PROGRESS)]
        rest = [file for kind in ("json", "csv") for file in sorted(folder.glob(f"[!.]*.{kind}"))]
        files = [*parts[0], *parts[1], *(file for file in rest if file.name not in _OURS)]
        if not files:
            raise UserError(f"{path}: no answers in this folder; it has no {BACKUPS}, {DATABASE} or CSV file")
        found += files
    return list(dict.fromkeys(found))


def ratings(sessions: Iterable[Session], test: Test) -> pd.DataFrame:
    """One line per answer, with ``COLUMNS``.

    ``condition`` is the rated condition. For pairs the ``score`` compares ``condition`` with ``other``, the later one
    in the test's list of conditions, independent of the order of presentation: for ab 1 (better), 0 (equal) or -1; for
    ccr -3 to 3; for abx 1 if X was identified, else 0.
    """
    lines = []
    for session in sessions:
        for (page, key), given in session.scores.items():
            heard = test.heard(page, key)
            clip = test.clips[heard[0].clip]
            pair, score = _oriented(test, [stimulus.condition for stimulus in heard], given)
            place = (session.listener, session.name, session.status, session.group, page, test.pages[page].training)
            facts = (test.again(page, key), *session.facts.get((page, key), (math.nan, math.nan)))
            lines.append((*place, clip.dataset, clip.utterance, *pair, score, session.seconds[page, key], *facts))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def write(sessions: Sequence[Session], test: Test, folder: Path) -> list[Path]:
    """Write ``ratings.csv`` and ``sessions.csv`` to ``folder``.

    Raises:
        UserError: ``folder`` already has ratings of sessions that are not among these.
    """
    old = folder / SESSIONS
    if old.is_file():
        lost = _names(old) - {session.name for session in sessions}
        if lost:
            raise UserError(
                f"{old}: holds {len(lost)} sessions that are not in these files; name all files at once, or remove it"
            )
    heads = [
        {
            **{"listener": session.listener, "session": session.name, "status": session.status, "note": session.note},
            **{"group": session.group, "answers": len(session.scores), "date": session.date},
            **{"file": session.file.name},
            **({} if session.tones is None else {CHECKED: "{} of {}".format(*session.tones)}),
            **({"completion_code": code_of(test, session.name)} if test.secret else {}),
            **{name: answer for name, answer in session.questions.items() if name != texts.LISTENER},
        }
        for session in sessions
    ]
    written = []
    for name, table in ((RATINGS, ratings(sessions, test)), (SESSIONS, pd.DataFrame(heads))):
        written.append(tables.write(table, folder / name))
    return written


def load(folder: Path) -> pd.DataFrame:
    """The ratings in ``folder``.

    Raises:
        UserError: nothing was imported yet, the file has another format, or a cell is invalid (edited by hand).
    """
    path = folder / RATINGS
    if not path.is_file():
        raise UserError(f"{path}: no ratings yet; `bench mushra import FILE...` makes them")
    try:
        if tuple(tables.parsed(path, tables.text(path), ",").columns) == tuple(BEFORE):
            return tables.read(path, BEFORE).assign(again=False, played=math.nan, moved=math.nan)
        return tables.read(path, COLUMNS)
    except UserError as error:
        raise UserError(f"{error}; `bench mushra import FILE...` writes it anew") from error


def headphones(folder: Path) -> dict[str, str]:
    """The result of each listener's headphone check, as "5 of 6"; none where there was no check."""
    path = folder / SESSIONS
    if not path.is_file():
        return {}
    table = tables.parsed(path, tables.text(path), ",")
    if not {"listener", CHECKED} <= set(table.columns):
        return {}
    listener, checked = (list(table.columns).index(name) for name in ("listener", CHECKED))
    return {tables.plain(cells[listener]): cells[checked] for _, cells in table.rows if cells[checked]}


def _names(path: Path) -> set[str]:
    """The names of the sessions that an earlier import wrote."""
    table = tables.parsed(path, tables.text(path), ",")
    if "session" not in table.columns:
        raise UserError(f"{path}: not written by `bench mushra import`; remove it")
    place = list(table.columns).index("session")
    return {tables.plain(cells[place]) for _, cells in table.rows}


def _oriented(test: Test, conditions: Sequence[str], score: float) -> tuple[tuple[str, str], float]:
    """(condition, other) in the test's order, and the score of the first; ``other`` is empty without pairs."""
    if len(conditions) == 1:
        return (conditions[0], ""), score
    first, second = conditions
    ahead = -score if test.kind == "ccr" else score  # ccr rates the second against the first
    order = list(test.conditions)
    if order.index(first) < order.index(second):
        return (first, second), ahead
    return (second, first), score if test.kind == "abx" else -ahead
