"""What is said: free sentences from a small grammar, and commands like the GRID corpus's.

A sentence belongs to exactly one split, by a hash of its words, so that training, validation and
test can share no sentence however many are drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from bench.core.seeds import stable_seed
from bench.datasets.synthesis.choose import choose
from bench.datasets.synthesis.voices import Split

Kind = Literal["free", "command"]

_TEMPLATES = (
    "the {adjective} {noun} {moved} {place}",
    "{name} {did} the {adjective} {noun} {time}",
    "{time} the {person} {did} {quantity} {plural} {place}",
    "why did the {person} leave the {noun} {place}",
    "we {need} {quantity} {adjective} {plural} before {day}",
    "please {handle} the {adjective} {noun} {place}",
    "{name} and the {person} {moved} {place} {time}",
    "there were {quantity} {plural} {place} and one {adjective} {noun}",
    "nobody {did} the {noun} that {name} left {place}",
    "the {person} said that the {plural} were {adjective} {time}",
    "if the {noun} is {adjective} then {handle} it {time}",
    "every {noun} {place} belongs to the {adjective} {person}",
    "{name} asked whether the {noun} was {adjective} enough for {day}",
    "my {person} never {did} such {adjective} {plural}",
)

_VOCABULARY = {
    "adjective": (
        "old, young, quiet, bright, heavy, narrow, golden, broken, gentle, wooden, frozen, simple, crooked, "
        "yellow, curious, hollow, modern, purple, faded, sharp, famous, empty, shallow, gigantic, fragile, "
        "muddy, polished, humble, distant, cheap, strange, velvet, generous, ancient, smooth, dusty, clever, "
        "tiny, foreign, rusty"
    ),
    "noun": (
        "bridge, window, garden, letter, engine, basket, mirror, river, ladder, kettle, village, button, "
        "carpet, station, candle, picture, hammer, pocket, island, blanket, valley, jacket, wheel, barrel, "
        "machine, orchard, castle, ticket, shelf, bottle, feather, pencil, temple, market, fountain, chimney, "
        "saddle, pillow, harbour, theatre, umbrella, guitar, suitcase, telescope"
    ),
    "plural": (
        "apples, stories, horses, boxes, flowers, pigeons, tickets, shadows, biscuits, questions, engines, "
        "branches, ships, cups, mountains, letters, oranges, drawings, chairs, answers, songs, stones, "
        "clouds, dishes, gloves, maps, potatoes, keys, vegetables, photographs"
    ),
    "person": (
        "teacher, doctor, farmer, sister, captain, neighbour, judge, brother, painter, stranger, pilot, "
        "nurse, gardener, visitor, musician, cousin, lawyer, baker, soldier, author, uncle, shopkeeper"
    ),
    "name": (
        "alice, martin, helen, george, sophie, peter, laura, victor, emma, daniel, ruth, oliver, janet, "
        "simon, clara, hugo, margaret, philip"
    ),
    "did": (
        "painted, carried, noticed, repaired, borrowed, measured, followed, remembered, washed, discovered, "
        "described, sold, collected, chose, dropped, touched, finished, admired, covered, ignored"
    ),
    "moved": (
        "fell slowly, turned around, was waiting, rolled away, moved quickly, stood still, arrived early, "
        "disappeared, stayed alone, began to shake, was resting, looked cheerful"
    ),
    "need": "need, want, found, brought, bought, expect, promised, ordered",
    "handle": "move, open, close, clean, fetch, paint, check, carry, watch, fix, hide, keep",
    "quantity": "two, three, five, seven, nine, eleven, twelve, thirty, many, several, few, fifteen",
    "place": (
        "behind the house, near the water, under the table, across the road, beside the church, in the "
        "kitchen, at the corner, above the door, along the coast, inside the box, on the roof, by the fire, "
        "between the trees, over the hill, outside the office, at the airport, in the northern field, below "
        "the stairs"
    ),
    "time": (
        "this morning, last winter, after lunch, before sunset, late at night, once again, in the summer, "
        "every evening, without a sound, for a whole hour, at four o'clock, twice a week, just in time, "
        "during the storm"
    ),
    "day": "monday, tuesday, wednesday, thursday, friday, saturday, sunday, christmas, easter, tomorrow",
}
_WORDS = {slot: words.split(", ") for slot, words in _VOCABULARY.items()}

# The GRID corpus (Cooke et al., JASA 2006): verb colour preposition letter digit adverb, no letter w.
_COMMAND = (
    ("bin", "lay", "place", "set"),
    ("blue", "green", "red", "white"),
    ("at", "by", "in", "with"),
    tuple("abcdefghijklmnopqrstuvxyz"),
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    ("again", "now", "please", "soon"),
)


def split_of(sentence: str) -> Split:
    """The one split that may use ``sentence``: 10 % test, 10 % valid, the rest train."""
    share = stable_seed("sentence", sentence) % 10
    return "test" if share == 0 else "valid" if share == 1 else "train"


def draw_sentence(rng: np.random.Generator, split: Split, kind: Kind) -> str:
    """A sentence of ``split``: the words as spoken, lower case, no punctuation."""
    draw = _free if kind == "free" else _command
    return _draw_until(lambda: draw(rng), split)


def spoken(sentence: str) -> str:
    """``sentence`` as the synthesiser must read it: ``a`` in a command is the letter, not the article."""
    words = sentence.split()
    if len(words) == len(_COMMAND) and words[0] in _COMMAND[0] and words[3] == "a":
        words[3] = "ay"
    return " ".join(words)


def _draw_until(draw: Callable[[], str], split: Split) -> str:
    while split_of(sentence := draw()) != split:
        pass
    return sentence


def _free(rng: np.random.Generator) -> str:
    slots = {slot: choose(rng, words) for slot, words in _WORDS.items()}
    return choose(rng, _TEMPLATES).format(**slots)


def _command(rng: np.random.Generator) -> str:
    return " ".join(choose(rng, words) for words in _COMMAND)
