"""Runs of all shares, put together, are the run as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.run.benchmark import run
from results.store.merge import merge, read

Config = Callable[..., dict[str, Any]]


@pytest.mark.slow
def test_merged_shards_are_the_whole_run(config: Config) -> None:
    whole = run(config(run="whole"))
    shares = [run(config(run=f"lab{number}", shard=f"{number}/2")) for number in (1, 2)]
    assert whole.computed == sum(share.computed for share in shares)
    found = [merge(read(folders)) for folders in ([whole.folder], [share.folder for share in shares])]
    assert not found[1].notes
    rows = [{row.key: replace(row, enhance_seconds=None, cost={}) for row in merged.rows} for merged in found]
    assert rows[0] == rows[1]
