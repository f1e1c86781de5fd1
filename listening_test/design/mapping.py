"""The mapping from opaque names to clips and conditions; never served to listeners."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.core.errors import UserError
from bench.core.files import replacing
from bench.core.records import build, parse
from bench.core.types import Tag
from listening_test.design.conditions import Condition
from results.store.rows import Key

FORMAT = 1
FILE = "mapping.json"

Kind = Literal["mushra", "mos", "ab", "abx", "ccr"]
KINDS: dict[Kind, str] = {
    "mushra": "all conditions of a clip on one page, rated against the reference from 0 to 100 (ITU-R BS.1534-3)",
    "mos": "one recording at a time, rated from 1 to 5 (ITU-T P.800, absolute category rating)",
    "ab": "two conditions of a clip one after the other: which is better?",
    "abx": "two conditions of a clip, and one of them again: which is it?",
    "ccr": "two conditions of a clip one after the other: is the second better, from -3 to 3 (ITU-T P.800, annex E)?",
}


@dataclass(frozen=True)
class Heard:
    """A recording in the test.

    Attributes:
        start, samples: the presented part, in samples at ``sample_rate``.
        tags: the utterance's tags, and its dataset.
    """

    dataset: str
    utterance: str
    sample_rate: int
    start: int
    samples: int
    training: bool
    tags: Mapping[str, Tag]


@dataclass(frozen=True)
class Stimulus:
    """One condition of one clip, as it was made.

    Attributes:
        row: the run's row of the enhanced speech, or of the recording that the stimulus was made from.
        made_from: which signal of that row, and the processing.
        source_sha256: hash of the samples before cutting, as float32.
        gain_db: the applied gain.
    """

    clip: str
    condition: str
    row: Key
    made_from: str
    source_sha256: str
    gain_db: float


@dataclass(frozen=True)
class Answer:
    """What a page's key denotes: one stimulus, or two of one clip in the order of presentation.

    Attributes:
        file: in the served folder.
        stimuli: the names of the stimuli.
        again: whether it is a repetition, which shows how reliable a listener is.
    """

    file: str
    sha256: str
    stimuli: tuple[str, ...]
    again: bool = False


@dataclass(frozen=True)
class Page:
    """One page, with the trial id under which webMUSHRA stores its answers.

    Attributes:
        reference: the stimulus of its reference, if the page has one.
        answers: by the page's keys.
    """

    training: bool
    answers: Mapping[str, Answer]
    reference: Answer | None = None


@dataclass(frozen=True)
class Tone:
    """Three tones of the headphone check.

    Attributes:
        file: in the served folder.
        right: which one is the quietest with headphones: "first", "second" or "third".
    """

    file: str
    sha256: str
    right: str


@dataclass(frozen=True)
class Test:
    """An exported test.

    Attributes:
        name: webMUSHRA's testId.
        run: the folder of the run.
        fingerprints: of the datasets.
        loudness: of every stimulus, in LUFS.
        config: the user's settings.
        conditions, clips, stimuli, pages: by label, or by opaque name.
        groups: the pages of each group of listeners.
        volume: the stimulus of the page for adjusting the volume.
        secret: salts the opaque names, so that they cannot be computed from what is known; empty in older tests.
        tones: of the headphone check, by opaque name.
    """

    __test__ = False  # keeps pytest from collecting this class

    name: str
    kind: Kind
    run: str
    fingerprints: Mapping[str, str]
    loudness: float
    config: Mapping[str, Any]
    conditions: Mapping[str, Condition]
    clips: Mapping[str, Heard]
    stimuli: Mapping[str, Stimulus]
    pages: Mapping[str, Page]
    groups: Mapping[str, tuple[str, ...]]
    volume: Answer
    secret: str = ""
    tones: Mapping[str, Tone] = field(default_factory=dict)

    def keys(self, page: str) -> list[str]:
        """The keys of the page's stored answers: its own, and webMUSHRA's key for the hidden reference."""
        return [*self.pages[page].answers, *(["reference"] if self.kind == "mushra" else [])]

    def heard(self, page: str, key: str) -> list[Stimulus]:
        """The stimulus judged under ``key`` of ``page``, or two in the order of presentation (abx: X first).

        Raises:
            KeyError: no such page or key.
        """
        content = self.pages[page]
        reference = content.reference.stimuli if content.reference else ()
        if key == "reference" and self.kind == "mushra":
            names = reference
        else:
            names = (*(reference if self.kind == "abx" else ()), *content.answers[key].stimuli)
        return [self.stimuli[name] for name in names]

    def again(self, page: str, key: str) -> bool:
        """Whether this answer repeats another one of the test."""
        content = self.pages[page]
        answer = content.reference if key == "reference" and self.kind == "mushra" else content.answers[key]
        return answer is not None and answer.again

    def write(self, folder: Path) -> Path:
        """Write ``mapping.json`` to ``folder``."""
        path = folder / FILE
        with replacing(path) as temporary:
            text = json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False, allow_nan=False)
            temporary.write_text(f"{text}\n", encoding="utf-8")
        return path

    @staticmethod
    def read(folder: Path) -> Test:
        """Read the test that was exported to ``folder``.

        Raises:
            UserError: there is none, or it is of another version.
        """
        path = folder / FILE
        if not path.is_file():
            raise UserError(f"{folder}: no listening test in this folder; `bench mushra export RUN` makes one")
        try:
            data = parse(path.read_text(encoding="utf-8"))
            if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
                raise ValueError(f"of another version; this one reads format {FORMAT}")
            test: Test = build(Test, data)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
        except ValueError as error:
            raise UserError(f"{path}: not a mapping that can be read ({error})") from error
        return test
