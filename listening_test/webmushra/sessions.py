"""Sessions: their answers checked one by one, duplicate, unfinished and damaged ones told."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from bench.core.errors import UserError
from listening_test.design.mapping import Test
from listening_test.webmushra import texts
from listening_test.webmushra.answers import Given, Source, number

Place = tuple[str, str]
"""A page and a key on it."""

Status = Literal["complete", "unfinished", "duplicate", "damaged"]
_RANK: Sequence[Source] = ("backup", "progress", "store")


@dataclass(frozen=True, eq=False)
class Session:
    """One submission.

    Attributes:
        note: a problem or peculiarity.
        questions: the questionnaire's answers.
        scores, seconds: of each answer, by page and key.
        facts: seconds played, and whether the slider was moved, likewise.
        tones: right answers in the headphone check, and all; None without it.
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
    source: Source = "store"
    facts: Mapping[Place, tuple[float, float]] = field(default_factory=dict)
    tones: tuple[int, int] | None = None


def by_session(given: Iterable[Given]) -> Iterable[list[Given]]:
    """The answers of each session."""
    groups: dict[str, list[Given]] = {}
    for one in given:
        groups.setdefault(one.session, []).append(one)
    return groups.values()


def session_of(file: Path, given: Sequence[Given], test: Test) -> Session:
    """One session, checked on its own; ``damaged`` if an answer cannot be read or is impossible in this test."""
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
        source=given[0].source,
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
    checked = [one for one in given if one.page == texts.HEADPHONES_CHECK and not one.problem]
    right = [one.key in test.tones and str(one.value) == test.tones[one.key].right for one in checked]
    given = [one for one in given if one not in checked]
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
        facts={(one.page, one.key): (one.played, one.moved) for one in given},
        tones=(sum(right), len(right)) if checked else None,
    )


def damaged_file(file: Path, why: str) -> Session:
    """A placeholder for the sessions of a file that cannot be read."""
    return Session(file.name, "", "", "damaged", why, file, "", {}, {}, {})


def once(sessions: Iterable[Session]) -> list[Session]:
    """Each session from one file: a backup before a store, which changes ids (007 becomes 7).

    pymushra's store has ids of its own for sessions; there the same answers at the same times are the same session.
    """
    kept: list[Session] = []
    for session in sorted(sessions, key=lambda one: (one.status == "damaged", _RANK.index(one.source))):
        if not any(_same(session, one) for one in kept):
            kept.append(session)
    return kept


def _same(session: Session, kept: Session) -> bool:
    if session.name == kept.name:
        return True
    copy = session.source == "store" != kept.source and len(session.scores) > 0
    return copy and (session.scores, session.seconds) == (kept.scores, kept.seconds)


def _folded(listener: str) -> str:
    """A listener's id without differences in case, spaces and Unicode form."""
    return "".join(unicodedata.normalize("NFKC", listener).casefold().split())


def without_duplicates(session: Session, earlier: Sequence[Session]) -> Session:
    """The session, marked as a duplicate if an earlier one is the same."""
    if session.status == "damaged":
        return session
    for other in earlier:
        if other.status in ("duplicate", "damaged"):
            continue
        if len(session.scores) >= FEW and (session.scores, session.seconds) == (other.scores, other.seconds):
            told = f"the same answers and times as session {other.name} of listener {other.listener}"
            return _duplicate(session, f"{told} in {other.file.name}")
        if _folded(other.listener) != _folded(session.listener):
            continue
        who = f"listener {session.listener}"
        if other.listener != session.listener:
            who = f"listener {session.listener} is probably {other.listener}, who"
        if (other.group, other.status) == (session.group, "complete"):
            return _duplicate(session, f"{who} had finished before, in session {other.name}")
        if other.listener != session.listener:
            note = f"taken for listener {other.listener}, written {session.listener}"
            return replace(session, listener=other.listener, note="; ".join(filter(None, (note, session.note))))
    return session


FEW = 3
"""Sessions of fewer answers can be equal by chance."""


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
