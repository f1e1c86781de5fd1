"""Pairs are heard in both orders equally often, for each listener and every number of clips and conditions."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from listening_test.design.order import reversed_order


@pytest.mark.parametrize("conditions", range(2, 8))
@pytest.mark.parametrize("clips", range(1, 9))
def test_orders_are_balanced_within_every_number_of_clips(conditions: int, clips: int) -> None:
    for mirrored in (False, True):
        first: Counter[int] = Counter()
        orders: Counter[tuple[int, int]] = Counter()
        for turn in range(clips):
            for one, other in itertools.combinations(range(conditions), 2):
                turned = reversed_order(one, other, conditions, turn, mirrored)
                orders[(other, one) if turned else (one, other)] += 1
                first[other if turned else one] += 1
                assert reversed_order(one, other, conditions, turn, not mirrored) != turned
        for one, other in itertools.combinations(range(conditions), 2):
            assert abs(orders[one, other] - orders[other, one]) == clips % 2
        assert max(first.values()) - min(first[i] for i in range(conditions)) <= clips % 2
