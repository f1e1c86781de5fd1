"""The choice of clips keeps its rules exactly, or says that they cannot be kept."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from bench.core.errors import UserError
from listening_test.design.select import Candidate, Rules, choose, deal, describe

BALANCED = Rules(8, ("sex", "task"), "speaker", ("task",), ("snr",))


def clips(count: int = 48) -> list[Candidate]:
    """Two sexes, two tasks, twelve speakers, six SNRs, evenly."""
    return [
        Candidate(
            "talk",
            f"clip{index:02}",
            {"sex": "fm"[index % 2], "task": "ab"[index // 24], "speaker": f"s{index % 12}", "dataset": "talk"},
            {"snr": float(index // 2 % 6)},
        )
        for index in range(count)
    ]


def keeps(chosen: Sequence[Candidate], pool: Sequence[Candidate], rules: Rules) -> bool:
    """The rules but for the spread, said once more by counting."""
    if len(chosen) != rules.count:
        return False
    for size in range(1, len(rules.balance) + 1):
        for keys in itertools.combinations(rules.balance, size):
            levels = [{clip.tags[key] for clip in pool} for key in keys]
            counts = Counter(tuple(clip.tags[key] for key in keys) for clip in chosen)
            share = rules.count / math.prod(map(len, levels))
            cells = itertools.product(*levels)
            if not all(math.floor(share) <= counts[cell] <= math.ceil(share) for cell in cells):
                return False
    if rules.once is None:
        return True
    return max(Counter(tuple(clip.tags[key] for key in (rules.once, *rules.per)) for clip in chosen).values()) == 1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [4, 7, 10, 24])
def test_balance_speakers_and_spread_are_kept(count: int, seed: int) -> None:
    rules = Rules(count, ("sex", "task"), "speaker", ("task",), ("snr",))
    chosen = choose(clips(), rules, seed)
    assert keeps(chosen, clips(), rules)
    crowds = Counter(clip.values["snr"] for clip in chosen)
    assert max(crowds.values()) - min(crowds.get(float(snr), 0) for snr in range(5)) <= 2


def test_the_verdict_is_that_of_trying_every_choice() -> None:
    """On small random pools: a choice comes out exactly when there is one."""
    rng = np.random.default_rng(1)
    verdicts = []
    for _ in range(60):
        pool = [
            Candidate(
                "d",
                f"c{i}",
                {"sex": "fm"[rng.integers(2)], "task": "ab"[rng.integers(2)], "speaker": f"s{rng.integers(4)}"},
            )
            for i in range(int(rng.integers(4, 9)))
        ]
        rules = Rules(int(rng.integers(2, 6)), ("sex", "task"), "speaker", ("task",))
        possible = any(keeps(some, pool, rules) for some in itertools.combinations(pool, rules.count))
        try:
            found = keeps(choose(pool, rules, 0), pool, rules)
        except UserError:
            found = False
        assert found == possible
        verdicts.append(possible)
    assert 10 < sum(verdicts) < 50  # both happen


def test_the_seed_decides_and_nothing_else() -> None:
    pool = clips()
    assert choose(pool, BALANCED, 3) == choose(pool, BALANCED, 3)
    assert len({tuple(clip.utterance for clip in choose(pool, BALANCED, seed)) for seed in range(10)}) > 5


def test_without_rules_every_clip_is_drawn_equally_often() -> None:
    pool = clips(8)
    drawn = Counter(clip.utterance for seed in range(400) for clip in choose(pool, Rules(2), seed))
    # 400 draws of 2 out of 8: 100 each, standard deviation 8.7
    assert all(65 < drawn[clip.utterance] < 135 for clip in pool)


def test_spread_over_many_values_takes_quantiles() -> None:
    pool = [Candidate("d", str(i), values={"pesq": float(i**2)}) for i in range(100)]
    chosen = choose(pool, Rules(5, spread=("pesq",)), 0)
    assert sorted(math.sqrt(clip.values["pesq"]) // 20 for clip in chosen) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (Rules(60), "60 clips cannot be had from 48 recordings; 48 can: clips=48"),
        (Rules(26, ("sex",), "speaker", ("task",)), "24 can: clips=24"),
        (Rules(4, ("sxe",)), "has no tag 'sxe'; tags of all recordings: dataset, sex, speaker, task"),
        (Rules(4, spread=("pesq",)), "no recording has a number 'pesq'; there are: snr"),
    ],
)
def test_what_cannot_be_had_is_told_with_what_can(rules: Rules, told: str) -> None:
    with pytest.raises(UserError) as raised:
        choose(clips(), rules, 0)
    assert told in str(raised.value)


def test_the_scarce_value_is_named() -> None:
    pool = [clip for clip in clips() if clip.tags["task"] == "a" or clip.utterance == "clip24"]
    with pytest.raises(UserError, match=r"task=b: 1, needed 4"):
        choose(pool, BALANCED, 0)


def test_groups_are_alike() -> None:
    chosen = choose(clips(), Rules(24, ("sex", "task"), spread=("snr",)), 0)
    groups = deal(chosen, 3, BALANCED, 0)
    assert sorted(clip.name for group in groups for clip in group) == sorted(clip.name for clip in chosen)
    for key in ("sex", "task"):
        counts = [Counter(clip.tags[key] for clip in group) for group in groups]
        assert all(count == counts[0] for count in counts)
    assert np.ptp([np.mean([clip.values["snr"] for clip in group]) for group in groups]) < 1.5
    assert sorted(map(len, deal(chosen[:10], 3, BALANCED, 0))) == [3, 3, 4]


def test_the_reason_counts_what_was_drawn_from() -> None:
    pool = clips()
    reason = "drawn from 12 recordings with sex=f, task=a, each speaker once a task, spread over snr"
    assert describe(pool[0], pool, BALANCED) == reason
    assert describe(pool[0], pool, Rules(2)) == "drawn from 48 recordings"
