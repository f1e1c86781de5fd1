"""What is written is read alike by webMUSHRA's parser, by ours of its rules, and by any YAML parser."""

from __future__ import annotations

import pytest
import yaml

from listening_test.webmushra.configuration import to_yaml
from tests.listening_test import rules

CONFIG = {
    "testname": "Ein \"Hörtest\": <b>#1</b> \\ & mehr - [x] {y} 'z' 100 %",
    "number": 2048,
    "share": 0.5,
    "shown": True,
    "hidden": False,
    "pages": [
        {"id": "a", "stimuli": {"s1": "x.wav"}},
        ["random", {"id": "b"}, {"id": "c", "list": ["1", "no", "null"]}],
    ],
}


def test_every_parser_reads_the_same() -> None:
    text = to_yaml(CONFIG)
    assert rules.parse(text) == CONFIG
    assert yaml.safe_load(text) == CONFIG
    assert "- -" not in text and "\\u" not in text


def test_line_breaks_become_spaces() -> None:
    assert rules.parse(to_yaml({"content": "<p>one\n   two</p>\t<p>"})) == {"content": "<p>one two</p> <p>"}


@pytest.mark.parametrize("empty", [{"a": []}, {"a": {}}, {"a": ["random", []]}])
def test_what_the_format_cannot_say_is_refused(empty: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="empty"):
        to_yaml(empty)


@pytest.mark.parametrize(
    "misread",
    [
        "pages:\n    - - random\n",
        'content: "one\n  two"\n',
        "content: bare words\n",
        'content: "\\u00e4"\n',
        '{"a": 1}\n',
        'a: "x"\n        b: "y"\n',
    ],
)
def test_the_rules_notice_what_webmushra_misreads(misread: str) -> None:
    with pytest.raises((AssertionError, ValueError)):
        rules.parse(misread)
