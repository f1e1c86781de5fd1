"""webMUSHRA's pages for one group of listeners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from listening_test.design.mapping import Kind, Page, Test
from listening_test.webmushra import texts

Config = dict[str, Any]


def configuration(test: Test, group: str, title: str, instructions: str) -> Config:
    """webMUSHRA's configuration for ``group``.

    Args:
        title: shown in the browser's title bar and above every page.
        instructions: HTML of the first page.
    """
    pages = {name: test.pages[name] for name in test.groups[group]}
    training = [_page(test, name, page, "Practice") for name, page in pages.items() if page.training]
    rated = [_page(test, name, page, "Listen and rate") for name, page in pages.items() if not page.training]
    return {
        "testname": title,
        "testId": test.name,
        "bufferSize": 2048,
        "stopOnErrors": True,
        "showButtonPreviousPage": False,
        "remoteService": "service/write.php",
        "language": "en",
        "pages": [
            _text("welcome", "Welcome", instructions),
            _volume(f"{_root(test)}/{test.volume.file}"),
            *([_text("practice", "Practice", texts.TRAINING), *training] if training else []),
            _text("start", "The test", texts.START),
            ["random", *rated],
            _finish(),
        ],
    }


def _root(test: Test) -> str:
    """The path of the served folder relative to webMUSHRA's folder."""
    return f"configs/{test.name}"


def _text(name: str, title: str, html: str) -> Config:
    return {"type": "generic", "id": name, "name": title, "content": html}


def _volume(stimulus: str) -> Config:
    # Without defaultVolume the volume of all later pages is undefined.
    page: Config = {"type": "volume", "id": "volume", "name": "Volume", "content": texts.VOLUME}
    return {**page, "stimulus": stimulus, "defaultVolume": 0.5}


def _page(test: Test, name: str, page: Page, title: str) -> Config:
    common: Config = {"id": name, "name": title, "content": texts.QUESTION[test.kind]}
    stimuli = {key: f"{_root(test)}/{answer.file}" for key, answer in sorted(page.answers.items())}
    if test.kind not in ("mushra", "abx"):
        return {"type": "likert_single_stimulus", **common, **_scale(test.kind), "stimuli": stimuli}
    assert page.reference is not None
    common |= {"showWaveform": False, "enableLooping": True, "reference": f"{_root(test)}/{page.reference.file}"}
    if test.kind == "abx":
        return {"type": "paired_comparison", **common, "stimuli": stimuli}
    # Anchors are exported as stimuli: those made by webMUSHRA itself play early, and crash on some devices.
    flags = {"createAnchor35": False, "createAnchor70": False, "randomize": True, "showConditionNames": False}
    return {"type": "mushra", **common, **flags, "switchBack": False, "strict": True, "stimuli": stimuli}


def _scale(kind: Kind) -> Mapping[str, Any]:
    return {"mustRate": True, "mustPlayback": "ended", "response": _responses(texts.SCALES[kind])}


def _finish() -> Config:
    questions = [
        {"type": "text", "name": texts.LISTENER, "label": "Your listener id (letters and digits)"},
        {
            "type": "likert",
            "name": texts.HEADPHONES,
            "label": "Which headphones did you use?",
            "response": _responses(texts.HEADPHONE_ANSWERS),
        },
        {"type": "likert", "name": texts.AGE, "label": "Your age", "response": _responses(texts.AGE_BANDS)},
    ]
    # showErrors stays off: webMUSHRA would show pymushra's success response as an error.
    page = {"type": "finish", "name": "Thank you", "content": texts.FINISH, "popupContent": texts.THANKS}
    return {**page, "showResults": False, "questionnaire": questions}


def _responses(answers: Sequence[tuple[str, str]]) -> list[Config]:
    return [{"value": value, "label": label} for value, label in answers]
