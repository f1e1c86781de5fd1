"""What others do to the number of threads does not last."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from bench.core.registry import built
from bench.core.types import Audio, Utterance
from methods.base import Enhanced, Method
from metrics.base import Clip, Metric, create

RATE = 16000
SPEECH = np.random.default_rng(0).normal(size=RATE).astype(np.float32)
UTTERANCE = Utterance("a", SPEECH, RATE, SPEECH)


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """A number that nothing would choose by itself."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


class GreedyMetric(Metric):
    """Takes more, as numba's first loop does for all of a process, and fails."""

    def compute(self, clip: Clip) -> float:
        torch.set_num_threads(5)
        raise ValueError("too many threads")


class GreedyMethod(Method):
    paradigm = "predictive"

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        torch.set_num_threads(5)
        return Enhanced(noisy)


def launched_by_numba() -> None:
    pytest.importorskip("numba")
    from metrics.perceptual.visqol import _single_threaded

    _single_threaded()


@pytest.mark.parametrize(
    "does",
    [
        lambda: GreedyMetric().score(SPEECH, UTTERANCE),
        lambda: GreedyMethod().enhance(SPEECH, RATE, None, 0),
        lambda: built(lambda: torch.set_num_threads(5), {}, ()),
        lambda: built(launched_by_numba, {}, ()),
        lambda: create("si_sdr").score(SPEECH, UTTERANCE),
    ],
    ids=["a metric that fails", "a method", "a constructor", "numba", "a metric that leaves them alone"],
)
def test_torch_has_its_threads_back(does: Callable[[], object]) -> None:
    does()
    assert torch.get_num_threads() == 3
