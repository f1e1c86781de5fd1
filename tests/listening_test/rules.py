"""webMUSHRA's rules, as its sources and its behaviour show them: what its parser reads and its pages need.

The parser here accepts less than YAML and no more than webMUSHRA's parser understands: one thing a line,
four spaces a level, a lone dash before what is nested, strings in double quotes on their line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
LINE = re.compile(
    r'(?P<indent>(?: {4})*)(?:(?P<dash>-)|(?P<key>[A-Za-z][A-Za-z0-9_]*):)(?: (?P<scalar>".*"|[a-z0-9.-]+))?'
)

PAGES = {
    "generic": {"id", "name", "content"},
    "consent": {"id", "name", "content", "mustConsent"},
    "volume": {"id", "name", "content", "stimulus", "defaultVolume"},
    "mushra": {"id", "name", "content", "reference", "stimuli", "showWaveform", "enableLooping"},
    "likert_single_stimulus": {"id", "name", "content", "stimuli", "response", "mustRate", "mustPlayback"},
    "paired_comparison": {"id", "name", "content", "reference", "stimuli", "showWaveform", "enableLooping"},
    "finish": {"name", "content", "popupContent", "questionnaire"},
}
"""What each type must say: webMUSHRA prints "undefined" for most of what is left out."""


def parse(text: str) -> Any:
    """The configuration, if every line is one that webMUSHRA's parser understands."""
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = LINE.fullmatch(line)
        assert match, f"line {number} is not one that webMUSHRA's parser reads: {line}"
        scalar = match["scalar"]
        if scalar is not None and scalar.startswith('"'):
            assert "\\" not in re.sub(r'\\["\\]', "", scalar), (
                f"line {number}: an escape that the parser corrupts: {line}"
            )
        lines.append((len(match["indent"]) // 4, match["key"], None if scalar is None else json.loads(scalar)))
    value, rest = _block(lines, 0)
    assert not rest
    return value


def _block(lines: list[tuple[int, str | None, Any]], depth: int) -> tuple[Any, list[Any]]:
    keyed = lines[0][1] is not None
    found: list[tuple[str | None, Any]] = []
    while lines and lines[0][0] == depth:
        _, key, value = lines[0]
        assert (key is not None) == keyed, "a list and a mapping in one"
        lines = lines[1:]
        if value is None:
            assert lines and lines[0][0] == depth + 1, "a head without anything below it"
            value, lines = _block(lines, depth + 1)
        found.append((key, value))
    assert not lines or lines[0][0] < depth
    if not keyed:
        return [value for _, value in found], lines
    assert len({key for key, _ in found}) == len(found), "a key twice"
    return dict(found), lines


def pages(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every page, those of shuffled lists too."""
    for page in config["pages"]:
        if isinstance(page, list):
            assert page[0] == "random" and len(page) > 1
            yield from page[1:]
        else:
            yield page


def check(config: dict[str, Any]) -> None:
    """That webMUSHRA holds this test, and that no answer is lost or changed on its way."""
    assert config["testname"] and IDENTIFIER.fullmatch(config["testId"])
    assert config["bufferSize"] in (256, 512, 1024, 2048, 4096, 8192, 16384)
    assert config["stopOnErrors"] is True and config["remoteService"] == "service/write.php"
    every = list(pages(config))
    assert config["pages"][-1]["type"] == "finish" and sum(page["type"] == "finish" for page in every) == 1
    ids = [page["id"] for page in every if page["type"] != "finish"]
    assert len(set(ids)) == len(ids)
    for page in every:
        assert page.keys() >= PAGES[page["type"]], page
        sent = [page.get("id", "x"), *page.get("stimuli", ())]
        sent += [answer["value"] for answer in page.get("response", ())]
        for text in sent:
            survives(text, number=page["type"] == "likert_single_stimulus")
        _CHECKS.get(page["type"], lambda page, root: None)(page, f"configs/{config['testId']}/audio/")


def survives(text: str, *, number: bool = False) -> None:
    """Sent without escaping, then cast: what is not this comes back as something else."""
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*" + (r"|-?\d" if number else ""), text), text
    assert text.lower() not in ("nan", "inf", "infinity", "true", "false"), text


def _mushra(page: dict[str, Any], root: str) -> None:
    assert page["createAnchor35"] is False and page["createAnchor70"] is False
    assert page["randomize"] is True and page["showConditionNames"] is False and page["strict"] is True
    assert len(page["stimuli"]) <= 11, "with the hidden reference no more than 12"
    assert "reference" not in page["stimuli"] and page["reference"] not in page["stimuli"].values()
    _paths([page["reference"], *page["stimuli"].values()], root)


def _volume(page: dict[str, Any], root: str) -> None:
    assert 0 < page["defaultVolume"] <= 1
    _paths([page["stimulus"]], root)


def _likert(page: dict[str, Any], root: str) -> None:
    assert page["mustRate"] is True and page["mustPlayback"] == "ended"
    _paths(list(page["stimuli"].values()), root)


def _paired(page: dict[str, Any], root: str) -> None:
    assert len(page["stimuli"]) == 1
    _paths([page["reference"], *page["stimuli"].values()], root)


def _finish(page: dict[str, Any], root: str) -> None:
    assert "showErrors" not in page and page["showResults"] is False
    assert all(question.get("optional", False) in (True, False) for question in page["questionnaire"])
    names = [question["name"] for question in page["questionnaire"]]
    assert names[0] == "listener" and len(set(names)) == len(names)
    for question in page["questionnaire"]:
        survives(question["name"])
        assert question["type"] in ("text", "long_text", "likert")
        for answer in question.get("response", ()):
            survives(answer["value"])


def _paths(paths: list[str], root: str) -> None:
    assert len(set(paths)) == len(paths)
    assert all(re.fullmatch(re.escape(root) + r"[a-z][0-9a-f]{12}\.wav", path) for path in paths), paths


_CHECKS = {
    "mushra": _mushra,
    "volume": _volume,
    "likert_single_stimulus": _likert,
    "paired_comparison": _paired,
    "finish": _finish,
}
