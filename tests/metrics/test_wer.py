"""Word error rate and phoneme similarity, with recognisers that hear what a test wants them to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.core.types import Audio, Tag, Utterance
from metrics.base import create
from metrics.intelligibility.wer import normalised
from metrics.recognisers.base import RECOGNISERS, Recogniser
from tests.metrics.signals import RATE, syllables

CLIP = syllables(1.0)


@RECOGNISERS.register("parrot")
class Parrot(Recogniser):
    """Hears ``words``, or in quiet recordings ``quiet``."""

    def __init__(self, words: str = "", quiet: str = "") -> None:
        self.words, self.quiet = words, quiet

    def recognise(self, speech: Audio, tags: Mapping[str, Tag]) -> str:
        return self.words if np.abs(speech).max() > 0.05 else self.quiet

    def settings(self) -> Mapping[str, str]:
        return {"engine": "parrot 1"}


@RECOGNISERS.register("phoneme_parrot")
class PhonemeParrot(Parrot):
    units = "phonemes"


def wer(said: str | None, heard: str):
    metric = create("wer", recogniser={"name": "parrot", "words": heard})
    return metric.score(CLIP, Utterance("clip", CLIP, RATE, transcript=said))


@pytest.mark.parametrize(
    ("said", "heard", "errors", "words"),
    [
        ("place blue at one now", "place blue at one now", 0, 5),
        ("Place blue, at one -- NOW!", "place blue at one now", 0, 5),
        ("place blue at one now", "place red one now please", 3, 5),
        ("place blue at one now", "", 5, 5),
        ("yes", "oh yes of course", 3, 1),
    ],
)
def test_errors_are_counted_over_the_words_that_were_said(said: str, heard: str, errors: int, words: int) -> None:
    score = wer(said, heard)
    assert (score.errors, score.total) == (errors, words)
    assert score.value == pytest.approx(100 * errors / words)
    assert sum(score.detail[kind] for kind in ("substitutions", "deletions", "insertions")) == errors
    assert score.detail["recognised"] == normalised(heard)


def test_without_words_there_is_no_rate() -> None:
    assert wer(None, "anything").status == "skipped"
    assert (wer(" ... ", "anything").status, wer("", "").status) == ("undefined", "undefined")


def test_writing_is_not_what_was_said() -> None:
    assert normalised("Don’t stop: it's  FOUR o'clock, well-known_") == "don't stop it's four o'clock well known"


def lps(clean: str, enhanced: str) -> float | None:
    metric = create("lps", recogniser={"name": "phoneme_parrot", "words": clean, "quiet": enhanced})
    return metric.score(0.1 * CLIP, Utterance("clip", CLIP, RATE, CLIP)).value


def test_similarity_is_what_the_edit_distance_leaves() -> None:
    assert lps("AA B K", "AA B K") == 1
    assert lps("AA B K D", "AA P K") == 0.5
    assert lps("AA", "B K D") == -2
    assert lps("AA B K", "") == 0
    assert lps("", "AA") is None


def test_recognisers_are_named_and_must_hear_what_is_needed() -> None:
    with pytest.raises(UserError, match="unknown recogniser 'parot': did you mean 'parrot'"):
        create("wer", recogniser="parot")
    with pytest.raises(UserError, match=r"option of recogniser 'parrot' 'word'"):
        create("wer", recogniser={"name": "parrot", "word": "x"})
    with pytest.raises(UserError, match="answers in words, this metric needs phonemes"):
        create("lps", recogniser="parrot")
    with pytest.raises(UserError, match="a name, or a mapping"):
        create("wer", recogniser={"words": "x"})


def test_provenance_names_the_recogniser() -> None:
    provenance = create("wer", recogniser={"name": "parrot", "words": "x"}).provenance()
    assert provenance["recogniser"] == "parrot"
    assert provenance["engine"] == "parrot 1"
    assert provenance["package"].startswith("jiwer ")
