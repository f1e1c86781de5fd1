"""No sampler makes the CPU wait for a GPU at every step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from methods.diffusion.paths import OUVE, OUVP, SBVE, Path
from methods.diffusion.samplers import BridgeODE, BridgeSDE, PredictorCorrector, ProbabilityFlow, Sampler
from methods.sgmse import SGMSE
from methods.weights import new_model


class Synchronised(Exception):
    """A tensor was read as a number."""


class NoReading(TorchDispatchMode):
    """Refuses to read a tensor's value in Python, for which a GPU would have to finish its work."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            raise Synchronised
        return func(*args, **(kwargs or {}))


FIXED: list[tuple[Path, Sampler]] = [
    *(
        (OUVE(), PredictorCorrector(predictor, corrector))
        for predictor in ("reverse_diffusion", "probability_flow", "ddim")
        for corrector in ("ald", "langevin", "none")
    ),
    (OUVE(), PredictorCorrector(stepping="grid", times="to_zero", denoise=False)),
    (OUVP(0.1, 1.0), PredictorCorrector(corrector="langevin")),
    (SBVE(), BridgeODE()),
    (SBVE(), BridgeSDE()),
]


@pytest.mark.parametrize(("path", "sampler"), FIXED)
def test_samplers_read_nothing_back(path: Path, sampler: Sampler) -> None:
    y = torch.randn(2, 1, 4, 4, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    for device in ("cpu", "meta"):  # tensors of "meta" have no values that could be copied
        with NoReading():
            sampler.sample(lambda x, t: -x, path, y.to(device), 3, torch.ones_like)


def test_a_whole_network_is_sampled_without_reading() -> None:
    method = SGMSE(new_model("sgmse_m", {"width": 8, "multipliers": [1, 2]}), device="cpu")
    noisy = torch.randn(2, 1, 256, 64, dtype=torch.complex64)
    with torch.inference_mode(), NoReading():
        method.enhance_spectrogram(noisy, 2, torch.ones_like)


def test_reading_would_be_noticed() -> None:
    with NoReading(), pytest.raises(Synchronised):
        float(torch.ones(1).sum())


def test_the_adaptive_sampler_reads_once_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, calls = 0, 0
    plain = Tensor.tolist

    def counted(self: Tensor) -> Any:
        nonlocal reads
        reads += 1
        return plain(self)

    def score(x: Tensor, t: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return -x

    monkeypatch.setattr(Tensor, "tolist", counted)
    with NoReading():
        ProbabilityFlow().sample(score, OUVE(), torch.ones(1, 1, 4, 4, dtype=torch.complex64), 3, torch.ones_like)
    assert reads == (calls - 3) // 6 and (calls - 3) % 6 == 0  # two to begin with, one step at the end
