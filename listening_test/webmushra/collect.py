"""Decode stored answers into ratings by the mapping; report duplicate, unfinished and damaged sessions."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from bench.core import tables
from bench.core.errors import UserError
from listening_test.design.mapping import Test
from listening_test.webmushra import texts
from listening_test.webmushra.answers import Given, number, read

Place = tuple[str, str]
"""A page and a key on it."""

Status = Literal["complete", "unfinished", "duplicate", "damaged"]
RATINGS, SESSIONS = "ratings.csv", "sessions.csv"
COLUMNS: Mapping[str, type] = {
    **dict.fromkeys(("listener", "session", "status", "group", "page"), str),
    "training": bool,
    **dict.fromkeys(("dataset", "utterance", "condition", "other"), str),
    **dict.fromkeys(("score", "seconds"), float),
}
"""The columns of ``ratings.csv``, with their types."""


@dataclass(frozen=True, eq=False)
class Session:
    """One submission.

    Attributes:
        note: a problem or peculiarity.
        questions: the questionnaire's answers.
        scores, seconds: of each answer, by page and key.
    """

    name: str
    listener: str
    group: str
    status: Status
    note: str
    file: Path
    date: str
    questions: Mapping[str, str]
    scores: Mapping[Place, float]
    seconds: Mapping[Place, float]


def collect(files: Sequence[Path], test: Test) -> list[Session]:
    """Every session in ``files``, the earliest first if dates are known.

    A session with an answer that is impossible in this test, or an unreadable file among readable ones, is
    ``damaged``: it is listed with the reason and has no ratings. Other sessions are not affected.

    Raises:
        UserError: a file belongs to another test, or no file can be read.
    """
    sessions: list[Session] = []
    for file in files:
        try:
            found = read(file)
        except UserError as error:
            sessions.append(_damaged_file(file, str(error)))
            continue
        given = [one for one in found if one.test == test.name]
        if not given:
            others = ", ".join(sorted({one.test for one in found}))
            raise UserError(f"{file}: answers to another test ({others}); this one is {test.name}")
        sessions += [_session(file, list(answers), test) for answers in _by_session(given)]
    if all(session.status == "damaged" for session in sessions):
        raise UserError(next((session.note for session in sessions), "no file of answers"))
    sessions.sort(key=lambda session: session.date)
    judged: list[Session] = []
    for session in sessions:
        judged.append(_without_duplicates(session, judged))
    return judged


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
            lines.append((*place, clip.dataset, clip.utterance, *pair, score, session.seconds[page, key]))
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
        return tables.read(path, COLUMNS)
    except UserError as error:
        raise UserError(f"{error}; `bench mushra import FILE...` writes it anew") from error


def _names(path: Path) -> set[str]:
    """The names of the sessions that an earlier import wrote."""
    table = tables.parsed(path, tables.text(path), ",")
    if "session" not in table.columns:
        raise UserError(f"{path}: not written by `bench mushra import`; remove it")
    place = list(table.columns).index("session")
    return {tables.plain(cells[place]) for _, cells in table.rows}


def _by_session(given: Iterable[Given]) -> Iterable[list[Given]]:
    groups: dict[str, list[Given]] = {}
    for one in given:
        groups.setdefault(one.session, []).append(one)
    return groups.values()


def _session(file: Path, given: Sequence[Given], test: Test) -> Session:
    """One session, checked on its own."""
    listener = given[0].questions.get(texts.LISTENER, "").strip()
    session = Session(
        name=given[0].session,
        listener=listener or given[0].session,
        group="",
        status="complete",
        note="" if listener else "without a listener id",
        file=file,
        date=max(one.date for one in given),
        questions=given[0].questions,
        scores={},
        seconds={},
    )
    try:
        return _answered(session, given, test)
    except UserError as error:
        return replace(session, status="damaged", note="; ".join(filter(None, (str(error), session.note))))


def _answered(session: Session, given: Sequence[Given], test: Test) -> Session:
    """The session with its answers.

    Raises:
        UserError: an answer cannot be read, or is impossible in this test.
    """
    answered = {(one.page, one.key): (_score(session.file, one, test), one.seconds) for one in given}
    scores = {place: score for place, (score, _) in answered.items() if not math.isnan(score)}
    group = _group(session.file, {one.page for one in given}, test)
    expected = {(page, key) for page in test.groups[group] for key in test.keys(page)}
    missing = expected - scores.keys()
    notes = [f"{len(missing)} of {len(expected)} answers missing"] if missing else []
    untouched = {page for page, _ in scores} - {page for (page, _), score in scores.items() if score != 100}
    if test.kind == "mushra" and untouched:
        notes.append(f"{len(untouched)} pages with every slider left at 100")
    return replace(
        session,
        group=group,
        status="unfinished" if missing else "complete",
        note="; ".join(filter(None, (*notes, session.note))),
        scores=scores,
        seconds={place: seconds for place, (_, seconds) in answered.items()},
    )


def _damaged_file(file: Path, why: str) -> Session:
    """A placeholder for the sessions of a file that cannot be read."""
    return Session(file.name, "", "", "damaged", why, file, "", {}, {}, {})


def _folded(listener: str) -> str:
    """A listener's id without differences in case, spaces and Unicode form."""
    return "".join(unicodedata.normalize("NFKC", listener).casefold().split())


def _without_duplicates(session: Session, earlier: Sequence[Session]) -> Session:
    """The session, marked as a duplicate if an earlier one is the same."""
    if session.status == "damaged":
        return session
    for other in earlier:
        if other.status in ("duplicate", "damaged") or _folded(other.listener) != _folded(session.listener):
            continue
        who = f"listener {session.listener}"
        if other.listener != session.listener:
            who = f"listener {session.listener} is probably {other.listener}, who"
        if (session.scores, session.seconds) == (other.scores, other.seconds):
            return _duplicate(session, f"the same answers as session {other.name} in {other.file.name}")
        if (other.group, other.status) == (session.group, "complete"):
            return _duplicate(session, f"{who} had finished before, in session {other.name}")
        if other.listener != session.listener:
            note = f"taken for listener {other.listener}, written {session.listener}"
            return replace(session, listener=other.listener, note="; ".join(filter(None, (note, session.note))))
    return session


def _duplicate(session: Session, note: str) -> Session:
    return replace(session, status="duplicate", note="; ".join(filter(None, (note, session.note))))


def _group(file: Path, pages: set[str], test: Test) -> str:
    found = [group for group, own in test.groups.items() if pages <= set(own)]
    if not found:
        raise UserError(f"{file}: a session with pages of several groups; was the file put together by hand?")
    return found[0]


WORDS: Mapping[str, Mapping[str, float]] = {
    "ab": {"first": 1.0, "alike": 0.0, "second": -1.0},
    "abx": {"correct": 1.0, "incorrect": 0.0},
}
NUMBERS = {"mushra": (0.0, 100.0), "mos": (1.0, 5.0), "ccr": (-3.0, 3.0)}
NOTHING = ("NA", "None", "nan", "", "unknown")


def _score(file: Path, given: Given, test: Test) -> float:
    """The answer as a number; NaN if missing.

    Raises:
        UserError: the test has no such question, or the answer is not valid for it.
    """
    if given.problem:
        raise UserError(f"{file}: session {given.session}, page {given.page} {given.problem}")
    where = f"{file}: {given.page}/{given.key}"
    try:
        test.heard(given.page, given.key)
    except KeyError as error:
        raise UserError(f"{where} is not in {test.name}; was it exported again after it was held?") from error
    value = str(given.value).strip()
    if value in NOTHING:
        return math.nan
    try:
        if test.kind in WORDS:
            return WORDS[test.kind][value]
        score = number(value)
        low, high = NUMBERS[test.kind]
        if not low <= score <= high:
            raise ValueError
    except (ValueError, KeyError):
        raise UserError(f"{where} was answered {value!r}, which is no rating of {test.kind}") from None
    return score


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
