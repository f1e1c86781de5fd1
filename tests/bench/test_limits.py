"""Code that takes too long is interrupted, whatever others did to the signal before, and nothing is afterwards."""

from __future__ import annotations

import signal
import time

import pytest

from bench.run.limits import TimedOut, within


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers")
def test_a_limit_holds_after_others_have_taken_its_signal_and_ends_with_its_block() -> None:
    for seconds in (0.05, 0.1):
        with pytest.raises(TimedOut, match=f"no end within {seconds:g} s"), within(seconds):
            time.sleep(60)
        with within(60.0), within(None):
            pass
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
