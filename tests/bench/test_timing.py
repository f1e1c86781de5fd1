from __future__ import annotations

import time

from bench.run.timing import Stopwatch


def test_a_stopwatch_shows_the_time_its_block_took() -> None:
    with Stopwatch() as watch:
        time.sleep(0.05)
    assert watch.seconds >= 0.05
    shown = watch.seconds
    time.sleep(0.01)
    assert watch.seconds == shown
