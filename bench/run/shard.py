"""A share of every dataset's recordings, for a run that several machines or labs compute apart from one another.

Which share a recording is in depends on a hash of its name: not on its place in the dataset, nor on what is asked of
it, so that whoever computes share 3 of 8 needs to know nothing of the others. Shares are about equally large, and all
of them together are the whole. ``bench leaderboard`` puts the runs together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.core.errors import UserError
from bench.core.seeds import stable_seed


@dataclass(frozen=True)
class Shard:
    """Share ``number`` of ``count``, from 1."""

    number: int
    count: int

    @staticmethod
    def of(text: str) -> Shard:
        """Read ``i/n``.

        Raises:
            UserError: it is something else.
        """
        found = re.fullmatch(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,8})", text)
        if found is None or int(found[1]) > int(found[2]):
            raise UserError(f"shard: '{text}' is no share; write i/n, from shard=1/8 to shard=8/8 for eight of them")
        return Shard(int(found[1]), int(found[2]))

    def has(self, dataset: str, utterance: str) -> bool:
        """Whether a recording is in this share."""
        return stable_seed("shard", dataset, utterance) % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"
