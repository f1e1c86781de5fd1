"""A name is found as written, or in another case or Unicode form, and never where two could be meant."""

from __future__ import annotations

import unicodedata

import pytest

from bench.core.names import Names, examples, is_label, label

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "Müller/Größe") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [
        (["a", "b"], "a", "a"),
        (["A"], "a", "A"),
        (["A", "a"], "a", "a"),
        (["A", "a"], "Ａ", None),
        (["ab", "aB"], "AB", None),
        ([COMPOSED], DECOMPOSED, COMPOSED),
        ([DECOMPOSED], COMPOSED.upper(), DECOMPOSED),
        (["x/a"], "a", None),
        ([], "a", None),
    ],
)
def test_find(names: list[str], wanted: str, found: str | None) -> None:
    assert Names(names).find(wanted) == found


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [
        (["x/a", "x/b"], "a", "x/a"),
        (["x/a", "y/a"], "a", None),
        (["a", "b"], "noisy/a", "a"),
        (["x/a", "y/a"], "noisy/X/a", "x/a"),
        (["x/aa"], "a", None),
    ],
)
def test_find_path(names: list[str], wanted: str, found: str | None) -> None:
    assert Names(names).find_path(wanted) == found


def test_examples() -> None:
    assert (examples(["a"]), examples(list("abcd"))) == ("a", "a, b, c, ...")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Köln", "Köln"),
        (unicodedata.normalize("NFD", "Köln"), "Köln"),
        ("東京-2", "東京-2"),
        ("हिन्दी", "हिन्दी"),
        ("WSJ0+CHiME3", "WSJ0+CHiME3"),
        ("my  set (copy)", "my_set_copy"),
        ("../a/b", "a_b"),
        ("...", "none"),
        ("", "none"),
    ],
)
def test_a_label_keeps_the_letters_of_any_script(text: str, made: str) -> None:
    assert label(text, "none") == made
    assert is_label(made)
    assert is_label(text) == (unicodedata.normalize("NFC", text) == made)
