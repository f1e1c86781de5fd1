"""Read stored answers: pymushra's database, CSV and JSON downloads, webMUSHRA's own CSV, backups of submissions.

Nothing is interpreted here: pages and keys are still opaque.
"""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bench.core import tables
from bench.core.errors import UserError
from bench.core.records import parse
from bench.core.tables import Table

Record = Mapping[str, Any]

_MISFITS = (KeyError, TypeError, AttributeError, SyntaxError, ValueError)
"""Exceptions from reading external data with an unexpected structure."""

_PHP = {
    "rating_stimulus": ("rating_stimulus", "rating_score", "rating_time"),
    "stimuli_rating": ("stimuli", "stimuli_rating", "rating_time"),
    "choice_answer": ("choice_non_reference", "choice_answer", "choice_time"),
}
"""Columns of key, answer and time in webMUSHRA's files (mushra.csv, lss.csv, paired_comparison.csv), by a column that
identifies the file."""


Source = Literal["backup", "progress", "store"]

MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d+)(?:-[0-9a-f]+)?")
"""The name of a backup: when it was sent, in UTC."""


class NoAnswers(UserError):
    """A file of answers that holds none, as of a session that was only begun."""


@dataclass(frozen=True)
class Given:
    """One answer of one listener.

    Attributes:
        session: one submission; unique within its file.
        page, key: webMUSHRA's trial id, and the stimulus on the page.
        value: as it was stored.
        seconds: time spent on the page.
        questions: the questionnaire's answers, as text.
        date: when it was stored, if known.
        problem: why the answer cannot be read, worded to follow "page p1a2"; else empty.
        source: a backup of a finished session, or of one under way, both as typed; or a store that changes ids.
        played: seconds for which the stimulus was played; NaN if unknown.
        moved: whether its slider was moved, 1 or 0; NaN if unknown.
    """

    test: str
    session: str
    page: str
    key: str
    value: Any
    seconds: float
    questions: Mapping[str, str]
    date: str
    problem: str = ""
    source: Source = "store"
    played: float = math.nan
    moved: float = math.nan


def read(path: Path) -> list[Given]:
    """Every answer in a file, of any test.

    Files saved by a spreadsheet are accepted: with semicolons or tabs, decimal commas, in UTF-16 or Windows-1252, with
    a repeated header where two files were joined.

    Raises:
        UserError: the file is of an unknown kind, or damaged.
        NoAnswers: it is a file of answers, and holds none.
    """
    content = tables.text(path)
    try:
        if content.lstrip()[:1] in ("{", "["):
            moment = MOMENT.fullmatch(path.stem)
            found = list(_json(parse(content), "{}-{}-{} {}:{}:{}".format(*moment.groups()) if moment else ""))
        else:
            found = list(_csv(tables.parsed(path, content)))
    except ValueError as error:
        raise UserError(f"{path}: damaged, or no file of answers ({error})") from error
    except _MISFITS as error:
        raise UserError(f"{path}: damaged, or no file of answers as pymushra or webMUSHRA writes it") from error
    if not found:
        raise NoAnswers(f"{path}: holds no answers")
    return found


def number(text: str) -> float:
    """Parse a number, also one with a decimal comma.

    Raises:
        ValueError: it is not a number.
    """
    return float(text.replace(",", ".") if "." not in text else text)


def _json(data: Any, moment: str) -> Iterator[Given]:
    if isinstance(data, list):  # pymushra's JSON download
        return _flat(data)
    if "trials" in data:  # a session as webMUSHRA and our scripts send it
        return _sent(data, moment)
    return _trials(trial for table in data.values() for trial in table.values())


def _sent(data: Record, moment: str) -> Iterator[Given]:
    names, given = data["participant"]["name"], data["participant"]["response"]
    questions = dict(zip(names, given, strict=False))
    beside = data.get("study") or {}
    source: Source = "progress" if "state" in beside else "backup"
    facts = beside.get("facts") or {}
    common = {"questionaire": questions, "testId": data["testId"], "date": moment}
    for one in _trials(({**common, **trial} for trial in data["trials"]), data.get("uuid", "")):
        own = facts.get(one.page)
        if own is None:
            yield replace(one, source=source)
        else:
            played, moved = float(own["played"].get(one.key, 0.0)), float(one.key in own["moved"])
            yield replace(one, source=source, played=played, moved=moved)


def _trials(trials: Iterable[Record], session: str = "") -> Iterator[Given]:
    for trial in trials:
        yield from _trial(trial, session)


def _trial(trial: Record, session: str) -> list[Given]:
    questions = trial["questionaire"]
    try:
        given = [_given(trial, questions, response, session) for response in trial["responses"]]
    except _MISFITS as error:
        return [_unreadable(trial, questions, session, _what(error))]
    return given or [_unreadable(trial, questions, session, "without responses")]


def _csv(table: Table) -> Iterator[Given]:
    columns = list(table.columns)
    rows = ((line, dict(zip(columns, cells, strict=True))) for line, cells in table.rows if list(cells) != columns)
    if any(column.startswith("responses_") for column in columns):
        return _flat(row for _, row in rows)
    if "session_test_id" in columns:
        return _php(columns, (row for _, row in rows))
    shown = ",".join(columns)[:60]
    raise ValueError(f"its first line is {shown!r}")


def _flat(records: Iterable[Record]) -> Iterator[Given]:
    """pymushra's tables: one line per answer, with columns such as ``responses_stimulus``."""
    for record in records:
        parts: dict[str, dict[str, Any]] = {"responses": {}, "questionaire": {}, "wm": {}}
        for column, value in record.items():
            kind, _, name = column.partition("_")
            parts[kind][name] = value
        try:
            yield _given(parts["wm"], parts["questionaire"], parts["responses"], "")
        except _MISFITS as error:
            yield _unreadable(parts["wm"], parts["questionaire"], "", _what(error))


def _unreadable(trial: Record, questions: Record, session: str, what: str) -> Given:
    """A placeholder for answers that cannot be read, so that their session is reported and others are kept."""
    session = session or str(questions["uuid"])
    asked = {name: _text(answer) for name, answer in questions.items() if name != "uuid"}
    page = str(trial.get("id", "?"))
    return Given(str(trial["testId"]), session, page, "", None, math.nan, asked, str(trial.get("date") or ""), what)


def _what(error: Exception) -> str:
    return f"without {error}" if isinstance(error, KeyError) else "that cannot be read"


def _given(trial: Record, questions: Record, response: Record, session: str) -> Given:
    if "nonReference" in response:
        key, value = response["nonReference"], response["answer"]
    elif "stimulusRating" in response:
        key, value = response["stimulus"], response["stimulusRating"]
        value = ast.literal_eval(value) if isinstance(value, str) and value.startswith("[") else value
        value = value[0] if isinstance(value, list) else value
    else:
        key, value = response["stimulus"], response["score"]
    asked = {name: _text(answer) for name, answer in questions.items() if name != "uuid"}
    session = session or str(questions["uuid"])
    date = str(trial.get("date") or "")
    return Given(
        str(trial["testId"]), session, str(trial["id"]), str(key), value, _seconds(response["time"]), asked, date
    )


def _php(columns: Sequence[str], lines: Iterable[Mapping[str, str]]) -> Iterator[Given]:
    """webMUSHRA's own files. Only mushra.csv has session ids; in other files the listener identifies the session.

    A listener's second answer to the same key begins another session.
    """
    kind = next((names for mark, names in _PHP.items() if mark in columns), None)
    if kind is None:
        raise ValueError(f"none of the columns {', '.join(_PHP)}")
    key, value, time = kind
    asked = columns[1 : columns.index("session_uuid" if "session_uuid" in columns else "trial_id")]
    seen: Counter[tuple[str, ...]] = Counter()
    for line in lines:
        questions = {name: line[name] for name in asked}
        session = line.get("session_uuid") or " ".join(questions.values())
        place = (session, line["trial_id"], line[key])
        seen[place] += 1
        session += f" #{seen[place]}" if seen[place] > 1 else ""
        told = (line["session_test_id"], session, line["trial_id"], line[key])
        try:
            yield Given(*told, line[value].strip(), _seconds(line[time]), questions, "")
        except ValueError:
            yield Given(*told, None, math.nan, questions, "", f"of {line[time][:40]!r} ms")


def _seconds(milliseconds: Any) -> float:
    if milliseconds in (None, ""):
        return math.nan
    seconds = (number(milliseconds) if isinstance(milliseconds, str) else float(milliseconds)) / 1000
    if not math.isfinite(seconds):
        raise ValueError(f"a time of {milliseconds}")
    return seconds


def _text(value: Any) -> str:
    """An answer as text; whole numbers lose the ".0" that a spreadsheet or parser may have added."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
