"""Selection of clips: a seeded draw, balanced over tags, by integer programming.

The draw is exact: if a choice that satisfies all rules exists, one is found; otherwise the error names the largest
possible number of clips. Among the choices that spread the given values best, one is drawn at random (by the seed).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array

from bench.core.errors import UserError
from bench.core.seeds import stable_seed
from bench.core.types import Tag

MOST_BINS = 5
_SPREAD_WEIGHT = 1000.0
"""The weight of the spread relative to the random weights of the draw, which lie in [0, 1)."""


@dataclass(frozen=True)
class Candidate:
    """A recording that can be used in the test.

    Attributes:
        tags: of the utterance, and its ``dataset``.
        values: numbers over which a choice can be spread: numeric tags, and metrics' means over the conditions.
    """

    dataset: str
    utterance: str
    tags: Mapping[str, Tag] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.dataset}/{self.utterance}"


@dataclass(frozen=True)
class Rules:
    """The constraints on a choice of clips.

    Attributes:
        count: the number of clips.
        balance: tags for which each value, and each combination of values, is equally frequent (± 1 if the count is
            not a multiple).
        once: a tag (the speaker) whose values are not repeated within one combination of the tags ``per``.
        spread: values over whose range the clips are distributed as evenly as the other rules allow.
    """

    count: int
    balance: Sequence[str] = ()
    once: str | None = None
    per: Sequence[str] = ()
    spread: Sequence[str] = ()

    def __str__(self) -> str:
        balanced = f" balanced by {', '.join(self.balance)}" if self.balance else ""
        return f"{self.count} clips{balanced}{self.once_in_words}"

    @property
    def once_in_words(self) -> str:
        per = f" a {', '.join(self.per)}" if self.per else ""
        return f", each {self.once} once{per}" if self.once else ""

    @property
    def spreading(self) -> str:
        return f", spread over {', '.join(self.spread)}" if self.spread else ""


def choose(clips: Sequence[Candidate], rules: Rules, seed: int) -> list[Candidate]:
    """Choose ``rules.count`` of ``clips``, in their order.

    Raises:
        UserError: a clip lacks a tag that the rules need, or no choice satisfies the rules.
    """
    _check_tags(clips, rules)
    chosen = _solve(clips, rules, seed)
    if chosen is not None:
        return chosen
    fewer = (replace(rules, count=count) for count in range(min(rules.count - 1, len(clips)), 0, -1))
    possible = next((rule.count for rule in fewer if _solve(clips, rule, seed) is not None), 0)
    scarce = _scarcest(clips, rules)
    raise UserError(
        f"clips: {rules} cannot be had from {len(clips)} recordings{scarce}; "
        + (f"{possible} can: clips={possible}, or fewer keys in balance" if possible else "drop a key from balance")
    )


def deal(clips: Sequence[Candidate], groups: int, rules: Rules, seed: int) -> list[list[Candidate]]:
    """Split ``clips`` into ``groups`` equally balanced subsets, one for each group of listeners.

    Sizes, and numbers of clips of each combination of the balance tags, differ by at most one. Clips are dealt in the
    order of the spread values, so that each group covers their range.
    """
    rng = np.random.default_rng(stable_seed("groups", seed))
    lots = dict(zip((clip.name for clip in clips), rng.permutation(len(clips)), strict=True))

    def place(clip: Candidate) -> tuple[list[float], int]:
        return [clip.values.get(name, math.inf) for name in rules.spread], int(lots[clip.name])

    cells = [
        sorted((clips[index] for index in cell), key=place) for _, cell in sorted(_blocks(clips, rules.balance).items())
    ]
    # Alternate the direction between cells; otherwise the first group would have the lowest value of each.
    dealt = [clip for number, cell in enumerate(cells) for clip in (cell[::-1] if number % 2 else cell)]
    return [dealt[group::groups] for group in range(groups)]


def describe(clip: Candidate, clips: Sequence[Candidate], rules: Rules) -> str:
    """Why ``clip`` was drawn, in words."""
    cell = _cell(clip, rules.balance)
    others = sum(_cell(other, rules.balance) == cell for other in clips)
    having = f" with {_text(rules.balance, cell)}" if rules.balance else ""
    return f"drawn from {others} recordings{having}{rules.once_in_words}{rules.spreading}"


def _solve(clips: Sequence[Candidate], rules: Rules, seed: int) -> list[Candidate] | None:
    """Minimise crowding, then random weights, over x in {0, 1}^clips; None if the rules cannot be satisfied."""
    if rules.count > len(clips):
        return None
    rng = np.random.default_rng(stable_seed("clips", seed))
    blocks = list(_bins(clips, rules.spread))
    layers = sum(min(rules.count, len(block)) for block in blocks)
    cost = np.concatenate([rng.random(len(clips)), np.empty(layers)])
    rows: list[tuple[Iterable[int], Iterable[float], float, float]] = [
        (range(len(clips)), itertools.repeat(1.0), rules.count, rules.count)
    ]
    rows += [
        (block, itertools.repeat(1.0), rules.count // parts, math.ceil(rules.count / parts))
        for _, block, parts in _balanced(clips, rules.balance)
    ]
    if rules.once:
        key = (rules.once, *rules.per)
        rows += [(block, itertools.repeat(1.0), 0, 1) for block in _blocks(clips, key).values()]
    start = len(clips)
    for block in blocks:  # the k-th clip of a bin costs k: the sum of squares, piecewise linear
        slots = range(start, start + min(rules.count, len(block)))
        cost[slots.start : slots.stop] = _SPREAD_WEIGHT * np.arange(len(slots))
        rows.append(([*block, *slots], [*[1.0] * len(block), *[-1.0] * len(slots)], 0, 0))
        start = slots.stop
    integral = np.concatenate([np.ones(len(clips)), np.zeros(layers)])
    answer = milp(cost, integrality=integral, bounds=Bounds(0, 1), constraints=_constraints(rows, cost.size))
    if answer.x is None:
        return None
    return [clip for clip, taken in zip(clips, answer.x, strict=False) if taken > 0.5]


def _constraints(rows: Sequence[tuple[Iterable[int], Iterable[float], float, float]], width: int) -> LinearConstraint:
    entries = [
        (index, column, value)
        for index, (columns, values, _, _) in enumerate(rows)
        for column, value in zip(columns, values, strict=False)
    ]
    index, column, value = (np.array(part) for part in zip(*entries, strict=True))
    matrix = csr_array(coo_array((value, (index, column)), shape=(len(rows), width)))
    return LinearConstraint(matrix, [low for *_, low, _ in rows], [high for *_, high in rows])


def _balanced(clips: Sequence[Candidate], balance: Sequence[str]) -> Iterator[tuple[str, list[int], int]]:
    """The sets that need an equal share, with the number of parts: each key's values, and each combination's clips."""
    for size in range(1, len(balance) + 1):
        for keys in itertools.combinations(balance, size):
            present = _blocks(clips, keys)
            cells = list(itertools.product(*(sorted({cell[i] for cell in present}) for i in range(size))))
            for cell in cells:  # including empty ones, which make the rules infeasible
                yield _text(keys, cell), present.get(cell, []), len(cells)


def _bins(clips: Sequence[Candidate], spread: Sequence[str]) -> Iterator[list[int]]:
    """For each spread value, its clips in bins: one per distinct number, or quantiles if there are many."""
    for name in spread:
        having = [index for index, clip in enumerate(clips) if name in clip.values]
        values = np.array([clips[index].values[name] for index in having])
        levels = np.unique(values)
        if len(levels) > MOST_BINS:
            levels = np.unique(np.quantile(values, np.arange(MOST_BINS) / MOST_BINS))
        places = np.searchsorted(levels, values, side="right")
        for place in np.unique(places):
            yield [index for index, own in zip(having, places, strict=True) if own == place]


def _blocks(clips: Sequence[Candidate], keys: Sequence[str]) -> dict[tuple[str, ...], list[int]]:
    blocks: dict[tuple[str, ...], list[int]] = {}
    for index, clip in enumerate(clips):
        blocks.setdefault(_cell(clip, keys), []).append(index)
    return blocks


def _cell(clip: Candidate, keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(clip.tags[key]) for key in keys)


def _check_tags(clips: Sequence[Candidate], rules: Rules) -> None:
    for key in dict.fromkeys((*rules.balance, *((rules.once, *rules.per) if rules.once else ()))):
        lacking = next((clip for clip in clips if key not in clip.tags), None)
        if lacking is not None:
            known = sorted(set.intersection(*(set(clip.tags) for clip in clips)))
            raise UserError(
                f"balance: {lacking.name} has no tag '{key}'; tags of all recordings: {', '.join(known) or 'none'}"
            )
    for name in rules.spread:
        if not any(name in clip.values for clip in clips):
            known = sorted({value for clip in clips for value in clip.values})
            raise UserError(f"spread: no recording has a number '{name}'; there are: {', '.join(known) or 'none'}")


def _scarcest(clips: Sequence[Candidate], rules: Rules) -> str:
    """The value, or combination of values, with the largest shortfall."""
    shares = ((name, len(block), rules.count // parts) for name, block, parts in _balanced(clips, rules.balance))
    short = [(found - share, f" ({name}: {found}, needed {share})") for name, found, share in shares if found < share]
    return min(short)[1] if short else ""


def _text(keys: Sequence[str], cell: Sequence[str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in zip(keys, cell, strict=True))
