"""Labels in any script are drawn with a font that has it."""

from __future__ import annotations

import pytest
from matplotlib import font_manager

from listening_test.analysis import fonts


def test_letters_of_the_usual_font_need_no_other() -> None:
    assert fonts.families(["StoRM, N = 10", "Çelik ñ"]) == (["DejaVu Sans"], set())


def test_what_the_usual_font_lacks_is_drawn_by_one_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = font_manager.findfont("DejaVu Sans")
    drawn = {usual: frozenset("ab"), "/cjk.ttf": frozenset("噪声"), "/other.ttf": frozenset("x")}
    monkeypatch.setattr(fonts, "_drawn", drawn.__getitem__)
    monkeypatch.setattr(fonts, "_installed", lambda: [("Other", "/other.ttf"), ("CJK", "/cjk.ttf")])
    assert fonts.families(["a 噪声 b"]) == (["DejaVu Sans", "CJK"], set())
    assert fonts.families(["a 噪韓"]) == (["DejaVu Sans", "CJK"], {"韓"})
