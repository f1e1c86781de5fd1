"""A file that is gone when its turn comes costs its own cells, which the same command computes once it is back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.run import benchmark

Config = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("side", ["noisy", "clean"])
def test_a_recording_that_vanishes_after_planning(
    config: Config, recordings: Path, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    gone = recordings / side / "clip3.wav"
    content, execute = gone.read_bytes(), benchmark.execute

    def without(*arguments: Any) -> None:
        gone.unlink()
        execute(*arguments)

    asked = config(methods=["noisy"])
    with monkeypatch.context() as patch:
        patch.setattr(benchmark, "execute", without)
        first = benchmark.run(asked)
    ((key, reason),) = first.failures.items()
    assert (first.computed, key.utterance) == (6, "clip3")
    assert gone.name in reason and str(gone.parent) in reason and "Traceback" not in reason
    gone.write_bytes(content)
    again = benchmark.run(asked)
    assert (again.computed, again.failures) == (1, {})
