"""Long recordings are cut and joined again without a seam."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from methods.pieces import cut, generators, joined


@pytest.mark.parametrize("samples", [101, 150, 191, 192, 1000, 12345])
def test_pieces_are_equally_long_cover_everything_and_overlap_enough(samples: int) -> None:
    where = cut(samples, 100, 10)
    assert where[0].start == 0 and where[-1].stop == samples
    assert len({own.stop - own.start for own in where}) == 1 and where[0].stop <= 100
    shared = [one.stop - other.start for one, other in pairwise(where)]
    assert min(shared) >= 10
    assert all(one.stop <= other.start for one, other in zip(where[:-2], where[2:], strict=True))


def test_a_recording_that_is_short_enough_stays_whole() -> None:
    generator = torch.Generator().manual_seed(3)
    assert cut(100, 100, 10) == [slice(0, 100)] and generators(generator, 1) == [generator]


@pytest.mark.parametrize("samples", [101, 192, 1000])
def test_unchanged_pieces_give_the_recording_back(samples: int) -> None:
    signal = np.random.default_rng(0).normal(size=samples).astype(np.float32)
    where = cut(samples, 100, 10)
    assert np.allclose(joined([signal[own] for own in where], where), signal, atol=1e-6)


def test_every_piece_has_noise_of_its_own_from_the_recordings_generator() -> None:
    generator = torch.Generator().manual_seed(3)
    drawn = [torch.randn(2, generator=own).tolist() for own in generators(generator, 3)]
    assert len({tuple(values) for values in drawn}) == 3
    assert drawn == [torch.randn(2, generator=own).tolist() for own in generators(generator, 3)]


def test_pieces_shorter_than_their_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot overlap"):
        cut(1000, 20, 10)
