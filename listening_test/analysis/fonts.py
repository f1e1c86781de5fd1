"""Fonts that draw a text: the usual one, and for what it lacks (Chinese, Japanese, ...) another that is installed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import matplotlib as mpl
from matplotlib import font_manager


def families(texts: Iterable[str]) -> tuple[list[str], set[str]]:
    """The families that together draw ``texts``, the usual one first, and the characters that none of them draws."""
    usual = mpl.rcParams["font.sans-serif"][0]
    missing = {character for text in texts for character in text if not character.isspace()}
    found = [usual]
    missing -= _drawn(font_manager.findfont(usual))
    for family, path in _installed():
        if not missing:
            break
        if drawn := missing & _drawn(path):
            found.append(family)
            missing -= drawn
    return found, missing


@cache
def _installed() -> Sequence[tuple[str, str]]:
    """Family and file of every upright font, in a fixed order."""
    upright = {font.name: font.fname for font in font_manager.fontManager.ttflist if font.style == "normal"}
    return sorted(upright.items())


@cache
def _drawn(path: str) -> frozenset[str]:
    """The characters that a font has."""
    try:
        return frozenset(map(chr, font_manager.get_font(path).get_charmap()))
    except (OSError, RuntimeError):
        return frozenset()
