"""In which number format a method's networks compute, and whether they are compiled."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from bench.core.errors import UserError, did_you_mean
from bench.core.types import Tag
from methods.weights import TrainedModel

PRECISIONS = ("float32", "tf32", "bfloat16")

SHAPES = 64
"""How many shapes of spectrograms a network is compiled for before the compiler gives up."""


@dataclass(frozen=True)
class Computing:
    """How networks are run; sampler, transform and everything else stay in float32.

    Attributes:
        precision: "float32"; "tf32", float32 whose products are rounded to 10 bits, on NVIDIA GPUs; "bfloat16",
            weights and feature maps of 7 bits, twice as fast where the processor multiplies them in hardware.
        compile: whether ``torch.compile`` fuses the networks' operations, on a GPU as CUDA graphs. The first call for
            every length of recordings takes up to minutes.
    """

    precision: str = "float32"
    compile: bool = False

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise did_you_mean("precision", self.precision, PRECISIONS)
        if not isinstance(self.compile, bool):
            raise UserError(f"compile: true or false; got {self.compile!r:.40}")

    def prepared(self, model: TrainedModel, device: torch.device) -> TrainedModel:
        """``model`` with its networks on ``device``, ready to enhance; copied where this changes them."""
        if self.precision == "bfloat16" or self.compile:
            model = replace(model, networks={name: copy.deepcopy(own) for name, own in model.networks.items()})
        for network in model.networks.values():
            network.to(device).eval()
            if self.precision == "bfloat16":
                network.to_bfloat16()
            if self.compile:
                setattr(network, network.core, _compiled(getattr(network, network.core), device))
        return model

    @contextmanager
    def set(self, device: torch.device) -> Iterator[None]:
        """Within the block products in float32 are exact, or TF32 where that is asked for.

        Raises:
            UserError: the device does not have this precision.
        """
        if self.precision == "tf32" and device.type != "cuda":
            raise UserError(f"precision=tf32 is one of NVIDIA GPUs, and this is device={device}; bfloat16 or float32")
        cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
        before = cuda.allow_tf32, cudnn.allow_tf32
        cuda.allow_tf32 = cudnn.allow_tf32 = self.precision == "tf32"
        try:
            yield
        finally:
            cuda.allow_tf32, cudnn.allow_tf32 = before

    def facts(self) -> Mapping[str, Tag]:
        """What a row and a manifest say: only what is not the default."""
        return {
            **({"precision": self.precision} if self.precision != "float32" else {}),
            **({"compile": "true"} if self.compile else {}),
        }


def _compiled(function: Callable[..., Tensor], device: torch.device) -> Callable[..., Tensor]:
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, SHAPES)
    if device.type != "cuda":
        return _checked(torch.compile(function, dynamic=False))
    graph: Any = torch.compile(function, dynamic=False, mode="reduce-overhead")

    def run(*inputs: Tensor | None) -> Tensor:
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        output: Tensor = graph(*inputs)
        return output.clone()  # the graph's own memory is written again by the next call

    return _checked(run)


def _checked(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def run(*inputs: Tensor | None) -> Tensor:
        try:
            return function(*inputs)
        except (torch._dynamo.exc.TorchDynamoException, torch._inductor.exc.InvalidCxxCompiler) as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(f"compile=true: torch.compile fails here ({reason:.160}); use compile=false") from error

    return run
