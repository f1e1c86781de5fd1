"""webMUSHRA's pages for one group of listeners."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from listening_test.design.mapping import Page, Test
from listening_test.webmushra import texts
from listening_test.webmushra.questions import Question

Config = dict[str, Any]


@dataclass(frozen=True)
class Presentation:
    """How a test is presented.

    Attributes:
        title: shown in the browser's title bar and above every page.
        words: every text, by the names of ``texts``.
        consent: HTML of a page that asks for consent; empty: there is none.
        questions: the experimenter's, beside those for listener, headphones and age.
        play_all: whether everything on a page must be played before the next.
        least_seconds: of listening on a page before the next.
    """

    title: str
    words: Mapping[str, str]
    consent: str = ""
    questions: Sequence[Question] = ()
    play_all: bool = False
    least_seconds: float = 0.0


def configuration(test: Test, group: str, shown: Presentation) -> Config:
    """webMUSHRA's configuration for ``group``. What is in ``study`` is for our own scripts."""
    words = shown.words
    pages = {name: test.pages[name] for name in test.groups[group]}
    training = [_page(test, name, page, words, "practice_page") for name, page in pages.items() if page.training]
    rated = [_page(test, name, page, words, "page") for name, page in pages.items() if not page.training]
    return {
        "testname": shown.title,
        "testId": test.name,
        "bufferSize": 2048,
        "stopOnErrors": True,
        "showButtonPreviousPage": False,
        "remoteService": "service/write.php",
        "language": "en",  # one that webMUSHRA has; its captions are replaced by ours
        "study": {
            "play_all": shown.play_all,
            "least_seconds": shown.least_seconds,
            "texts": {name: words[name] for name in texts.SCRIPTS},
            "captions": {theirs: words[name] for name, theirs in texts.CAPTIONS.items()},
        },
        "pages": [
            _text("welcome", words["welcome_title"], words["instructions"]),
            *([_consent(words, shown.consent)] if shown.consent else []),
            _volume(words, f"{_root(test)}/{test.volume.file}"),
            *([_headphones(test, words)] if test.tones else []),
            *([_text("practice", words["training_title"], words["training"]), *training] if training else []),
            _text("start", words["start_title"], words["start"]),
            ["random", *rated],
            _finish(words, shown.questions),
        ],
    }


def _root(test: Test) -> str:
    """The path of the served folder relative to webMUSHRA's folder."""
    return f"configs/{test.name}"


def _text(name: str, title: str, html: str) -> Config:
    return {"type": "generic", "id": name, "name": title, "content": html}


def _consent(words: Mapping[str, str], html: str) -> Config:
    return {"type": "consent", "id": "consent", "name": words["consent_title"], "content": html, "mustConsent": True}


def _volume(words: Mapping[str, str], stimulus: str) -> Config:
    # Without defaultVolume the volume of all later pages is undefined.
    page: Config = {"type": "volume", "id": "volume", "name": words["volume_title"], "content": words["volume"]}
    return {**page, "stimulus": stimulus, "defaultVolume": 0.5}


def _headphones(test: Test, words: Mapping[str, str]) -> Config:
    """One page for each tone; webMUSHRA shuffles them."""
    return {
        "type": "likert_single_stimulus",
        "id": texts.HEADPHONES_CHECK,
        "name": words["headphones_title"],
        "content": words["headphones_check"],
        "mustRate": True,
        "mustPlayback": "ended",
        "response": [{"value": place, "label": words[f"headphones_{place}"]} for place in texts.PLACES],
        "stimuli": {key: f"{_root(test)}/{tone.file}" for key, tone in sorted(test.tones.items())},
    }


def _page(test: Test, name: str, page: Page, words: Mapping[str, str], title: str) -> Config:
    common: Config = {"id": name, "name": words[f"{title}_title"], "content": words["question"]}
    stimuli = {key: f"{_root(test)}/{answer.file}" for key, answer in sorted(page.answers.items())}
    if test.kind not in ("mushra", "abx"):
        answers = [(value, words[f"answer_{value}"]) for value, _ in texts.SCALES[test.kind]]
        scale = {"mustRate": True, "mustPlayback": "ended", "response": _responses(answers)}
        return {"type": "likert_single_stimulus", **common, **scale, "stimuli": stimuli}
    assert page.reference is not None
    common |= {"showWaveform": False, "enableLooping": True, "reference": f"{_root(test)}/{page.reference.file}"}
    if test.kind == "abx":
        return {"type": "paired_comparison", **common, "stimuli": stimuli}
    # Anchors are exported as stimuli: those made by webMUSHRA itself play early, and crash on some devices.
    flags = {"createAnchor35": False, "createAnchor70": False, "randomize": True, "showConditionNames": False}
    return {"type": "mushra", **common, **flags, "switchBack": False, "strict": True, "stimuli": stimuli}


def _finish(words: Mapping[str, str], own: Sequence[Question]) -> Config:
    headphones = [(value, words[f"headphones_{value}"]) for value in texts.HEADPHONE_ANSWERS]
    ages = [(value, words[f"age_{value}"]) for value in texts.AGE_BANDS]
    questions: list[Config] = [
        {"type": "text", "name": texts.LISTENER, "label": words["listener"]},
        {"type": "likert", "name": texts.HEADPHONES, "label": words["headphones"], "response": _responses(headphones)},
        {"type": "likert", "name": texts.AGE, "label": words["age"], "response": _responses(ages)},
        *(_question(question) for question in own),
    ]
    # showErrors stays off: webMUSHRA would show pymushra's success response as an error. The popup is seen only where
    # our scripts are not there, as on a server with PHP.
    page = {
        "type": "finish",
        "name": words["finish_title"],
        "content": words["finish"],
        "popupContent": words["thanks"],
    }
    return {**page, "showResults": False, "questionnaire": questions}


def _question(asked: Question) -> Config:
    common = {"name": asked.name, "label": asked.label, "optional": asked.optional}
    if asked.answers:
        return {"type": "likert", **common, "response": _responses(list(asked.answers.items()))}
    return {"type": "long_text" if asked.long else "text", **common}


def _responses(answers: Iterable[tuple[str, str]]) -> list[Config]:
    return [{"value": value, "label": label} for value, label in answers]
