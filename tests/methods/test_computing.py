"""Precision and compilation are named, change nothing by default, and are said in the result."""

from __future__ import annotations

import re
import shutil
from typing import Any

import numpy as np
import pytest
import torch

from bench.core.errors import UserError
from bench.core.types import Utterance
from methods import trained
from methods.backbones import Backbone
from methods.base import METHODS, Method
from methods.computing import Computing
from methods.storm import StoRM
from methods.weights import TrainedModel, new_model

CLIP = np.random.default_rng(0).normal(0, 0.1, 3000).astype(np.float32)


def alive(method: str) -> TrainedModel:
    """Untrained networks whose output depends on every layer."""
    torch.manual_seed(0)
    model = new_model(method, {"width": 16, "multipliers": [1, 2]})
    for network in model.networks.values():
        for parameter in network.parameters():
            if parameter.dim() > 1 and parameter.abs().max() < 1e-3:
                torch.nn.init.normal_(parameter, std=0.05)
    return model


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    return alive("storm")


def apart(method: Method, other: Method) -> float:
    steps = 2 if method.uses_steps else None
    ours, theirs = (one.enhance(CLIP, 16000, steps, 0).audio for one in (method, other))
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def test_bfloat16_differs_by_its_rounding_and_leaves_the_given_networks_alone(model: TrainedModel) -> None:
    exact, rounded = StoRM(model, device="cpu"), StoRM(model, device="cpu", precision="bfloat16")
    assert 0 < apart(rounded, exact) < 0.05
    assert {parameter.dtype for parameter in model.networks["score"].parameters()} == {torch.float32}
    made = rounded.enhance(CLIP, 16000, 2, 0)
    assert made.computing == {"precision": "bfloat16"} and rounded.provenance()["precision"] == "bfloat16"
    assert made.audio.dtype == np.float32 and made.nfe == 3
    assert not exact.enhance(CLIP, 16000, 2, 0).computing and "precision" not in exact.provenance()


def test_another_packages_network_computes_in_bfloat16_too() -> None:
    class Scale(Backbone):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def forward(self, x: torch.Tensor, t: torch.Tensor | None = None) -> torch.Tensor:
            product = self.layer(x.real.unsqueeze(-1)).squeeze(-1)
            assert product.dtype == torch.bfloat16
            return torch.complex(product.float(), x.imag)

    network = Scale()
    network.to_bfloat16()
    assert network(torch.ones(1, 1, 2, 2, dtype=torch.complex64)).dtype == torch.complex64


@pytest.mark.parametrize(("multiplies", "notes"), [(True, 0), (False, 1), (None, 0)])
def test_a_note_says_where_bfloat16_is_emulated(
    model: TrainedModel, multiplies: bool | None, notes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trained, "multiplies_bfloat16", {"cpu": multiplies}.__getitem__)  # not what else is there
    rounded, exact = (StoRM(model, device="cpu", precision=name) for name in ("bfloat16", "float32"))
    assert len(rounded.preview([], _unread)) == notes and not exact.preview([], _unread)


def _unread(name: str) -> Utterance:
    raise AssertionError("no recording is read")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "bf16"}, "precision 'bf16'.*bfloat16"),
        ({"precision": "tf32"}, "precision=tf32 is one of NVIDIA GPUs"),
        ({"compile": "yes"}, "compile: true or false"),
    ],
)
def test_what_there_is_not_is_refused(model: TrainedModel, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        StoRM(model, device="cpu", **options).enhance(CLIP, 16000, 2, 0)


def test_float32_is_exact_whatever_the_process_allows_and_tf32_is_set_for_the_call_alone() -> None:
    before = torch.backends.cudnn.allow_tf32
    for precision, allowed in (("float32", False), ("tf32", True)):
        with Computing(precision).set(torch.device("cuda")):
            assert torch.backends.cudnn.allow_tf32 == torch.backends.cuda.matmul.allow_tf32 == allowed
        assert torch.backends.cudnn.allow_tf32 == before


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on the CPU")
@pytest.mark.parametrize("name", ["ncsnpp_m", "sgmse_m", "refinement", "storm"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_compiled_method_gives_the_same(name: str, precision: str) -> None:
    model = alive(name)
    exact, eager, compiled = (
        METHODS.create(name, checkpoint=model, device="cpu", precision=chosen, compile=compile)
        for chosen, compile in (("float32", False), (precision, False), (precision, True))
    )
    # In bfloat16 both are rounded, each in its own way, by as much as the method lets one see of its network.
    assert apart(compiled, exact) < (1e-4 if precision == "float32" else 1.5 * apart(eager, exact))


@pytest.mark.slow
def test_without_a_compiler_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._inductor.config as inductor

    torch._dynamo.reset()
    monkeypatch.setattr(inductor.cpp, "cxx", (None, "no-such-compiler"))
    monkeypatch.setattr(inductor, "force_disable_caches", True)
    with pytest.raises(UserError) as caught:
        METHODS.create("ncsnpp_m", checkpoint=alive("ncsnpp_m"), device="cpu", compile=True).enhance(
            CLIP, 16000, None, 0
        )
    assert re.fullmatch(r"compile=true: .*C\+\+ compiler.*no-such-compiler.*; use compile=false", str(caught.value))
