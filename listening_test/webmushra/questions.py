"""The experimenter's own questions on the last page, from a YAML file.

.. code-block:: yaml

    - name: hearing
      label: Is your hearing impaired, as far as you know?
      answers: {not: "no", impaired: "yes"}
    - name: remarks
      label: Anything that we should know?
      long: true
      optional: true
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.core.errors import UserError
from bench.core.records import build
from listening_test.webmushra import texts

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_CAST = ("nan", "inf", "infinity", "true", "false", "none", "null")
"""Answers that webMUSHRA's servers turn into something else."""


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        name: of its column in ``sessions.csv``.
        label: what listeners read.
        answers: what is stored, and what is shown for it; empty: a text is typed.
        long: whether the text has several lines.
        optional: whether it may be left out.
    """

    name: str
    label: str
    answers: Mapping[str, str] = field(default_factory=dict)
    long: bool = False
    optional: bool = False


def read(path: Path | None) -> list[Question]:
    """The questions in a file.

    Raises:
        UserError: it cannot be read, is no list of questions, or a name does not survive webMUSHRA's servers.
    """
    if path is None:
        return []
    try:
        questions: list[Question] = list(build(tuple[Question, ...], texts.content(path)))
    except ValueError as error:
        raise UserError(f"{path}: no list of questions ({error}); each has a name and a label") from error
    taken = [texts.LISTENER, texts.HEADPHONES, texts.AGE]
    for question in questions:
        for name in (question.name, *question.answers):
            if not _NAME.fullmatch(name) or name.lower() in _CAST:
                raise UserError(f"{path}: '{name}' is no name; it begins with a letter, then letters, digits and _")
        if question.name in taken:
            raise UserError(f"{path}: the name '{question.name}' is taken; give the question another")
        taken.append(question.name)
    return questions
