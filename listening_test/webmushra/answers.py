"""Read answers as the servers stored them: pymushra's database, CSV and JSON, webMUSHRA's own CSV, our backups.

Nothing is interpreted here: pages and keys are still opaque.
"""

from __future__ import annotations

import ast
import csv
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from bench.core.errors import UserError

Record = Mapping[str, Any]

_PHP = {
    "rating_stimulus": ("rating_stimulus", "rating_score", "rating_time"),
    "stimuli_rating": ("stimuli", "stimuli_rating", "rating_time"),
    "choice_answer": ("choice_non_reference", "choice_answer", "choice_time"),
}
"""By the column that tells webMUSHRA's files apart (mushra.csv, lss.csv, paired_comparison.csv): key, answer, time."""


@dataclass(frozen=True)
class Given:
    """One answer of one listener.

    Attributes:
        session: one submission; unique within its file.
        page, key: webMUSHRA's trial id, and the stimulus on it.
        value: as it was stored.
        seconds: spent on the page.
        questions: of the questionnaire, as text.
        date: when it was stored, as far as that was.
    """

    test: str
    session: str
    page: str
    key: str
    value: Any
    seconds: float
    questions: Mapping[str, str]
    date: str


def read(path: Path) -> list[Given]:
    """Every answer in a file, of whatever tests.

    Raises:
        UserError: no file of a kind that is known, or a damaged one.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text; download pymushra's answers as CSV or JSON") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        found = list(_json(json.loads(text)) if text.lstrip()[:1] in ("{", "[") else _csv(text))
    except ValueError as error:
        raise UserError(f"{path}: damaged, or no file of answers ({error})") from error
    except (KeyError, TypeError, AttributeError, SyntaxError) as error:
        raise UserError(f"{path}: damaged, or no file of answers as pymushra or webMUSHRA writes it") from error
    if not found:
        raise UserError(f"{path}: holds no answers")
    return found


def _json(data: Any) -> Iterator[Given]:
    if isinstance(data, list):  # pymushra's JSON download
        return _flat(data)
    if "trials" in data:  # a submission as webMUSHRA sends it
        names, given = data["participant"]["name"], data["participant"]["response"]
        trials = [{"questionaire": dict(zip(names, given, strict=False)), **trial} for trial in data["trials"]]
        return _trials(({**trial, "testId": data["testId"]} for trial in trials), data.get("uuid", ""))
    return _trials(trial for table in data.values() for trial in table.values())


def _trials(trials: Iterator[Record], session: str = "") -> Iterator[Given]:
    for trial in trials:
        for response in trial["responses"]:
            yield _given(trial, trial["questionaire"], response, session)


def _csv(text: str) -> Iterator[Given]:
    first, lines = text.partition("\n")[0], StringIO(text, newline="")
    if "responses_" in first:
        return _flat(csv.DictReader(lines, delimiter=";", strict=True))
    if "session_test_id" in first:
        return _php(csv.DictReader(lines, strict=True))
    raise ValueError(f"its first line is {first.strip()[:60]!r}")


def _flat(records: Any) -> Iterator[Given]:
    """pymushra's tables: a line for each answer, with columns such as ``responses_stimulus``."""
    for record in records:
        parts: dict[str, dict[str, Any]] = {"responses": {}, "questionaire": {}, "wm": {}}
        for column, value in record.items():
            kind, _, name = column.partition("_")
            parts[kind][name] = value
        yield _given(parts["wm"], parts["questionaire"], parts["responses"], "")


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


def _php(reader: csv.DictReader[str]) -> Iterator[Given]:
    """webMUSHRA's own files. Only mushra.csv says which session a line is of; elsewhere the listener has to do.

    Where a listener's answer to a key comes again, it is another session's.
    """
    columns = list(reader.fieldnames or ())
    key, value, time = next(names for mark, names in _PHP.items() if mark in columns)
    asked = columns[1 : columns.index("session_uuid" if "session_uuid" in columns else "trial_id")]
    seen: Counter[tuple[str, ...]] = Counter()
    for line in reader:
        if None in line.values() or None in line:
            raise ValueError(f"line {reader.line_num} does not fit the header")
        questions = {name: line[name] for name in asked}
        session = line.get("session_uuid") or " ".join(questions.values())
        place = (session, line["trial_id"], line[key])
        seen[place] += 1
        session += f" #{seen[place]}" if seen[place] > 1 else ""
        answer = line[value].strip()
        yield Given(
            line["session_test_id"], session, line["trial_id"], line[key], answer, _seconds(line[time]), questions, ""
        )


def _seconds(milliseconds: Any) -> float:
    return float(milliseconds) / 1000 if milliseconds not in (None, "") else math.nan


def _text(value: Any) -> str:
    """An answer as text; whatever made a number of "7" made none of "7.5" lose its point."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
