"""Recordings enhanced in batches and in pieces: in order, each with its own result, with less where memory runs out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from bench.core.errors import UserError
from bench.core.types import Audio, Utterance
from bench.run.batch_size import BatchSize, out_of_memory
from bench.run.inference import Inference, Request, Timed
from methods.base import Enhanced, Method

RATE = 1000


class Toy(Method):
    """Adds each clip's noise; remembers the batches, of which only ``fits`` clips fit into its memory."""

    batches = True
    in_pieces = True
    stochastic = True

    def __init__(self, fits: int = 100, longest: int = 10**9) -> None:
        self.fits, self.longest, self.sizes = fits, longest, list[int]()

    def enhance_one(self, noisy: Audio, sample_rate: int, *rest: Any) -> Enhanced:
        return self.enhance_together([noisy], sample_rate, *([one] for one in rest))[0]  # type: ignore[arg-type]

    def padded_length(self, samples: int) -> int:
        return -(-samples // 100) * 100

    def enhance_together(
        self, noisy: Sequence[Audio], sample_rate: int, steps: Any, generators: Any, utterance_ids: Any
    ) -> list[Enhanced]:
        if len(noisy) > self.fits or max(clip.size for clip in noisy) > self.longest:
            raise torch.OutOfMemoryError("CUDA out of memory")
        if any(clip[0] == 7 for clip in noisy):
            raise ZeroDivisionError("a seven")
        self.sizes.append(len(noisy))
        return [
            Enhanced(clip + torch.randn(clip.size, generator=own).numpy(), nfe=3)
            for clip, own in zip(noisy, generators, strict=True)
        ]


def requests(*samples: int) -> list[Request]:
    return [
        Request(Utterance(str(i), np.full(size, i, np.float32), RATE), None, torch.Generator().manual_seed(i))
        for i, size in enumerate(samples)
    ]


def audio(made: Timed | Exception) -> Audio:
    assert isinstance(made, Timed), made
    return made.enhanced.audio


def test_a_batch_is_what_each_clip_is_alone_in_order_and_says_how_many_went_together() -> None:
    asked = requests(150, 350, 180, 199, 120)
    alone = [Inference(Toy())(request.utterance, None, request.generator) for request in asked]
    method = Toy()
    made = Inference(method, batch=3).many(asked)
    assert method.sizes[1:] == [3, 1, 1]  # after the warm-up
    for one, other in zip(alone, made, strict=True):
        assert np.array_equal(one.enhanced.audio, audio(other)) and not one.computing
    assert [one.computing for one in made if isinstance(one, Timed)] == [
        {"batch": 3},
        {},
        {"batch": 3},
        {"batch": 3},
        {},
    ]


def test_a_batch_that_does_not_fit_is_halved_for_this_and_longer_clips(capsys: pytest.CaptureFixture[str]) -> None:
    method = Toy(fits=2)
    inference = Inference(method, batch=8)
    made = inference.many(requests(100, 100, 100, 100, 100))
    assert method.sizes[1:] == [2, 2, 1] and all(isinstance(one, Timed) for one in made)
    inference.many(requests(200, 200))
    assert method.sizes[4:] == [1, 1]
    assert "out of memory on cpu with a batch of 5: 2 from now on" in capsys.readouterr().err


def test_a_clip_that_does_not_fit_alone_says_what_to_do() -> None:
    inference = Inference(Toy(longest=500), batch=2)
    too_long, fine = inference.many(requests(600, 100))
    assert isinstance(too_long, UserError) and "piece=SECONDS" in str(too_long) and isinstance(fine, Timed)


def test_a_clip_that_fails_does_not_take_its_batch_along() -> None:
    asked = requests(*[100] * 9)
    made = Inference(Toy(), batch=9).many(asked)
    assert [isinstance(one, ZeroDivisionError) for one in made] == [i == 7 for i in range(9)]
    with pytest.raises(ZeroDivisionError):
        Inference(Toy())(asked[7].utterance, None, asked[7].generator)


def test_a_long_recording_is_enhanced_in_pieces_and_says_so() -> None:
    (request,) = requests(25_000)
    made = Inference(Toy(), batch=2, piece=10).many([request])[0]
    assert isinstance(made, Timed) and made.computing == {"batch": 2, "pieces": 3} and made.enhanced.nfe == 3
    assert audio(made).shape == (25_000,)
    again = Inference(Toy(), piece=10).many([request])[0]
    assert np.array_equal(audio(made), audio(again))
    whole = Inference(Toy(), piece=25).many([request])[0]
    assert isinstance(whole, Timed) and not whole.computing


def test_methods_without_batches_or_pieces_have_none() -> None:
    class Plain(Toy):
        batches = False
        in_pieces = False

    method = Plain()
    made = Inference(method, batch=4, piece=5).many(requests(9000, 9000))
    assert method.sizes[1:] == [1, 1] and not any(one.computing for one in made if isinstance(one, Timed))


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("sizes do not match"), False),
        (ValueError("DefaultCPUAllocator"), False),
    ],
)
def test_which_errors_are_about_memory(error: Exception, memory: bool) -> None:
    assert out_of_memory(error) is memory


def test_an_automatic_batch_is_one_on_a_cpu() -> None:
    assert BatchSize("auto", "cpu").of(16000) == 1 and BatchSize(5, "cpu").of(16000) == 5
