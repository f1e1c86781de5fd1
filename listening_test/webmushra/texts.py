"""Texts shown to listeners. The experimenter can replace every ``instructions`` text by a file."""

from __future__ import annotations

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
        hidden reference.</p>""",
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

VOLUME = "<p>Play this recording and set a comfortable volume. Please leave it as it is from then on.</p>"

TRAINING = """
    <p>The next page is for practice, to get to know the task and the range of quality. It does not count.</p>"""

START = """
    <p>Now the test begins. Take a break between two pages whenever you like, but leave the window open: answers
    are sent at the end, all at once.</p>"""

QUESTION: dict[Kind, str] = {
    "mushra": "<p>How close does each version come to the reference?</p>",
    "mos": "<p>How good is the quality of this recording?</p>",
    "ab": "<p>Which of the two sounds better?</p>",
    "abx": "<p>A or B is the same as the reference.</p>",
    "ccr": "<p>Compared with the first, the quality of the second is</p>",
}

FINISH = """
    <p>Almost done. Please answer these questions and press the button; you may close the window when you are
    thanked.</p>"""

THANKS = "Your answers were sent. Thank you!"

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

HEADPHONE_ANSWERS = (("over_ear", "Over-ear"), ("in_ear", "In-ear"), ("none", "Loudspeakers"))

AGE_BANDS = (
    *(("under_20", "under 20"), ("from_20", "20 to 29"), ("from_30", "30 to 39"), ("from_40", "40 to 49")),
    *(("from_50", "50 to 59"), ("from_60", "60 or more"), ("no_answer", "no answer")),
)
"""No stored answer may parse as a number in Python, which reads 20_29 as 2029."""
