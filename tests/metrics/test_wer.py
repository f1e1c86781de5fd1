"""Word error rate and phoneme similarity, with recognisers that hear what a test wants them to."""

from __future__ import annotations

import pytest

from bench.core.errors import UserError
from bench.core.types import Utterance
from metrics.base import create
from metrics.intelligibility.normalisers import normalised
from tests.metrics import parrots  # noqa: F401 (registers them)
from tests.metrics.signals import RATE, syllables

CLIP = syllables(1.0)


def wer(said: str | None, heard: str, **options: str):
    metric = create("wer", recogniser={"name": "parrot", "words": heard}, **options)
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
    assert wer(None, "anything").total is None


@pytest.mark.parametrize(("heard", "errors"), [("", 0), ("... oh, yes!", 2)])
@pytest.mark.parametrize("said", ["", " -- "])
def test_words_heard_where_nothing_is_said_count_without_a_rate_of_their_own(
    said: str, heard: str, errors: int
) -> None:
    score = wer(said, heard)
    assert (score.value, score.status, score.errors, score.total) == (None, "undefined", errors, 0)
    assert score.reason == f"the transcript holds no word; {errors} were heard"
    assert score.detail["insertions"] == errors


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("The room on the second floor has forty two chairs", "The room on the 2nd floor has 42 chairs"),
        ("Mister Brown paid twenty dollars", "Mr. Brown paid $20."),
        ("the colour of the harbour", "the color of the harbor"),
        ("I will not do that", "I won't do that"),
        ("she analysed the grey theatre", "She analyzed the gray theater."),
        ("nineteen ninety five", "1995"),
    ],
)
def test_whispers_normaliser_takes_ways_of_writing_for_one(said: str, heard: str) -> None:
    assert wer(said, heard).value > 0
    assert wer(said, heard, normaliser="whisper_english").value == 0
    assert wer(said, heard + " please", normaliser="whisper_english").errors == 1


def test_the_normaliser_is_in_the_version_and_the_plain_one_leaves_it_as_it_was() -> None:
    plain, whisper = (
        create("wer", recogniser="parrot", **options) for options in ({}, {"normaliser": "whisper_english"})
    )
    assert "normaliser" not in plain.provenance()
    assert whisper.provenance()["normaliser"].startswith("whisper-normalizer ")
    with pytest.raises(UserError, match="unknown normaliser 'whisper': did you mean 'whisper_english'"):
        create("wer", recogniser="parrot", normaliser="whisper")


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
