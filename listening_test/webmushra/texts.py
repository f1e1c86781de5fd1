"""Texts shown to listeners. The experimenter can replace each of them, and so translate the test (``texts=FILE``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.core.errors import UserError, did_you_mean
from bench.core.files import replacing
from listening_test.design.mapping import Kind

INSTRUCTIONS: dict[Kind, str] = {
    "mushra": """
        <p>Thank you for taking part. Please use headphones, in a quiet room.</p>
        <p>On each page you hear one sentence in several versions. Play the <b>reference</b> first, then every
        version as often as you like; you can switch at any moment, and loop a part with the markers.</p>
        <p>Rate the <b>overall quality</b> of each version against the reference, from 0 (bad) to 100 (excellent):
        anything that differs from the reference is a fault, be it noise, an echo, or a voice that sounds
        distorted. One version on each page <b>is</b> the reference: find it and give it 100.</p>
        <p>A slider moves while its version is selected. Sliders start at 100, so move every one but that of the
        hidden reference. Keys work too: 0 is the reference, 1, 2, 3, ... the versions, up and down move the
        slider.</p>""",
    "mos": """
        <p>Thank you for taking part. Please use headphones, in a quiet room.</p>
        <p>On each page you hear one recording. Listen to its end, then say how good its <b>overall quality</b>
        is. Noise, echo, and a distorted or unnatural voice all count.</p>""",
    "ab": """
        <p>Thank you for taking part. Please use headphones, in a quiet room.</p>
        <p>On each page you hear one sentence <b>twice</b>, with a short pause between. Listen to the end, then say
        which of the two sounds better to you, or that they are alike.</p>""",
    "abx": """
        <p>Thank you for taking part. Please use headphones, in a quiet room.</p>
        <p>On each page there are a reference, A and B. One of A and B <b>is</b> the reference; the other one differs.
        Listen as often as you like, then say which one is the reference. If you cannot tell, guess.</p>""",
    "ccr": """
        <p>Thank you for taking part. Please use headphones, in a quiet room.</p>
        <p>On each page you hear one sentence <b>twice</b>, with a short pause between. Listen to the end, then say
        how the quality of the <b>second</b> compares with that of the <b>first</b>.</p>""",
}

QUESTION: dict[Kind, str] = {
    "mushra": "<p>How close does each version come to the reference?</p>",
    "mos": "<p>How good is the quality of this recording?</p>",
    "ab": "<p>Which of the two sounds better?</p>",
    "abx": "<p>A or B is the same as the reference.</p>",
    "ccr": "<p>Compared with the first, the quality of the second is</p>",
}

SCALES: dict[Kind, tuple[tuple[str, str], ...]] = {
    "mos": (("1", "Bad"), ("2", "Poor"), ("3", "Fair"), ("4", "Good"), ("5", "Excellent")),
    "ab": (("first", "The first"), ("alike", "They are alike"), ("second", "The second")),
    "ccr": (
        ("-3", "Much worse"),
        ("-2", "Worse"),
        ("-1", "Slightly worse"),
        ("0", "About the same"),
        ("1", "Slightly better"),
        ("2", "Better"),
        ("3", "Much better"),
    ),
}
"""Each answer as stored, and as shown."""

LISTENER, HEADPHONES, AGE = "listener", "headphones", "age_band"
"""The questions' names, which webMUSHRA also uses as ids of page elements."""

HEADPHONES_CHECK, PLACES = "headphones_check", ("first", "second", "third")
"""The id of the page with tones, and its answers."""

HEADPHONE_ANSWERS = ("over_ear", "in_ear", "none")
AGE_BANDS = ("under_20", "from_20", "from_30", "from_40", "from_50", "from_60", "no_answer")
"""No stored answer may parse as a number in Python, which reads 20_29 as 2029."""

COMMON: Mapping[str, str] = {
    "language": "en",
    **{"welcome_title": "Welcome", "volume_title": "Volume", "training_title": "Practice", "start_title": "The test"},
    **{"practice_page_title": "Practice", "page_title": "Listen and rate", "finish_title": "Thank you"},
    "consent_title": "Consent",
    **{"consent_yes": "I give consent.", "consent_no": "I do not give consent."},
    "volume": "<p>Play this recording and set a comfortable volume. Please leave it as it is from then on.</p>",
    "training": """
        <p>The next page is for practice, to get to know the task and the range of quality. It does not count.</p>""",
    "start": """
        <p>Now the test begins. Take a break between two pages whenever you like. Your answers are kept on the way:
        if the window is closed, open the same address in the same browser and go on.</p>""",
    "headphones_title": "Headphones",
    "headphones_check": "<p>Listen to three tones. Which of them is the <b>quietest</b>?</p>",
    **{"headphones_first": "The first", "headphones_second": "The second", "headphones_third": "The third"},
    "finish": "<p>Almost done. Please answer these questions and press the button.</p>",
    **{"listener": "Your listener id (letters and digits)", "headphones": "Which headphones did you use?"},
    **{"headphones_over_ear": "Over-ear", "headphones_in_ear": "In-ear", "headphones_none": "Loudspeakers"},
    "age": "Your age",
    **{"age_under_20": "under 20", "age_from_20": "20 to 29", "age_from_30": "30 to 39", "age_from_40": "40 to 49"},
    **{"age_from_50": "50 to 59", "age_from_60": "60 or more", "age_no_answer": "no answer"},
    "continue_title": "Welcome back",
    "continue_text": "You began this test and finished {done} of {pages} pages. Your answers so far are kept.",
    **{"continue_button": "Continue", "anew_button": "Start anew"},
    **{"sending_title": "Sending your answers", "sending": "Please leave this window open."},
    "not_sent": """
        The server cannot be reached. Your answers are kept in this browser and are sent again until they arrive. Leave
        this window open, or open the same address again later.""",
    "try_button": "Try again now",
    **{"thanks_title": "Thank you for your participation!", "thanks": "Your answers were sent. Thank you!"},
    **{"code": "Your completion code:", "again_button": "Another listener"},
    "offline": "The server cannot be reached; your answers are kept in this browser.",
    "play_all": "Please play every version, and the reference, before you go on.",
    "least_seconds": "Please listen for a little longer before you go on.",
    **{"next": "Next", "play": "Play", "stop": "Stop", "pause": "Pause", "send": "Send Results"},
    **{"reference": "Reference", "version": "Cond.", "which_is_reference": "Which item is the reference?"},
    **{"excellent": "Excellent", "good": "Good", "fair": "Fair", "poor": "Poor", "bad": "Bad"},
}
"""Every text but those that depend on the kind of test, which ``defaults`` adds."""

CAPTIONS = {
    **{name: f"{name}Button" for name in ("next", "play", "stop", "pause", "send")},
    **{name: name for name in ("reference", "excellent", "good", "fair", "poor", "bad")},
    **{"version": "cond", "which_is_reference": "quest"},
}
"""webMUSHRA's own names of the captions on its buttons and scales."""

SCRIPTS = (
    *("continue_title", "continue_text", "continue_button", "anew_button", "sending_title", "sending", "not_sent"),
    *("try_button", "thanks_title", "thanks", "code", "again_button", "offline", "play_all", "least_seconds"),
    *("consent_yes", "consent_no"),
)
"""Texts that our scripts show."""


def defaults(kind: Kind) -> dict[str, str]:
    """Every text of a test of this kind, by name."""
    scale = {f"answer_{value}": label for value, label in SCALES.get(kind, ())}
    found = {"instructions": INSTRUCTIONS[kind], "question": QUESTION[kind], **scale, **COMMON}
    return {name: " ".join(text.split()) for name, text in found.items()}


def read(path: Path | None, kind: Kind) -> dict[str, str]:
    """Every text, with those that the YAML file replaces.

    Raises:
        UserError: it cannot be read, or has an unknown text.
    """
    known = defaults(kind)
    if path is None:
        return known
    given = content(path)
    if not isinstance(given, dict):
        raise UserError(f"{path}: not a mapping, as `name: text`")
    for name, text in given.items():
        if name not in known:
            raise did_you_mean(f"text in {path}", str(name), known)
        if not isinstance(text, (str, int, float)):
            raise UserError(f"{path}: {name} is no text")
    return {**known, **{name: " ".join(str(text).split()) for name, text in given.items()}}


def write(words: Mapping[str, str], folder: Path) -> Path:
    """Write every text to ``texts.yaml``, where it can be copied from and translated."""
    import yaml

    path = folder / "texts.yaml"
    with replacing(path) as temporary:
        text = yaml.safe_dump(dict(words), allow_unicode=True, sort_keys=False, width=100)
        temporary.write_text(text, encoding="utf-8")
    return path


def content(path: Path) -> object:
    """What a YAML file holds.

    Raises:
        UserError: it cannot be read.
    """
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read as YAML ({error})") from error
