"""What the predictor of a two-stage method said travels to the metrics that ask for it, now and later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.run.benchmark import run
from results.store.folder import Store

CONFIG = Callable[..., dict[str, Any]]


def test_an_estimate_is_scored_at_once_and_stored_audio_is_made_again_where_it_lacks_one(config: CONFIG) -> None:
    settings = {"methods": ["noisy", "toy_two_stages"], "limit": 2}
    folder = run(config(**settings)).folder
    assert not (folder / "estimates").exists()
    assert run(config(**settings, metrics=["estimate_distance"])).computed == 4
    rows = Store(folder).rows()
    for key, row in rows.items():
        score = row.scores["estimate_distance"]
        if key.method == "noisy":
            assert score.status == "skipped"
        else:
            assert score.value is not None
            assert np.isclose(score.value, 20 * np.log10(0.5), atol=1e-4)
            assert Store(folder).estimate_path(key).is_file()
    assert run(config(**settings, metrics=["estimate_distance"])).computed == 0
