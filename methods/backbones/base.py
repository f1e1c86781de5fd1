"""What every network that methods are built on keeps, and the registry of their names."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bench.core.errors import UserError
from bench.core.registry import Registry

Renamings = tuple[tuple[str, str], ...]
"""Regular expressions, and what they are replaced with."""


@dataclass(frozen=True)
class Network:
    """What a method needs of one of its networks.

    Attributes:
        inputs: number of complex spectrograms that go in.
        timed: whether it is given the diffusion time.
        options: of the backbone, its name as ``backbone`` among them; where none is named, the backbone and
            its options are what a training chooses (``bench train network=...``).
    """

    inputs: int = 1
    timed: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


class Backbone(nn.Module, ABC):
    """Complex spectrogram(s) in, one complex spectrogram out.

    Its constructor takes ``inputs`` and ``conditional`` beside options of its own, which a weights file keeps.

    Attributes:
        stride: both spectrogram axes must be multiples of this.
        domain: "spectrogram", "waveform" for a network that takes and gives real ``[B, samples]``, or "latent" for
            one side of an autoencoder.
        reference_names: what turns the names of its weights in reference checkpoints into its own, in this order.
        conditional: whether it is given the diffusion time.
        precise: how the names of weights begin that float16 would make others of.
        core: the name of the method that is compiled where that is asked for.
    """

    stride: int
    conditional: bool
    precise: ClassVar[tuple[str, ...]] = ()
    domain: ClassVar[str] = "spectrogram"
    reference_names: ClassVar[Renamings] = ()
    core: ClassVar[str] = "forward"

    @abstractmethod
    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        """Complex ``[B, inputs, F, T]`` and t ``[B]`` in (0, 1], None without a time -> complex ``[B, 1, F, T]``."""

    @classmethod
    def options_for(cls, network: Network, options: Mapping[str, Any], *, predicts: str) -> dict[str, Any]:
        """The constructor's arguments for ``network`` with the ``options`` chosen.

        Args:
            predicts: what a network with a time predicts, by its parametrization's name.
        """
        return {**options, "inputs": network.inputs, "conditional": network.timed}

    def to_bfloat16(self) -> None:
        """From now on compute in bfloat16, given and giving float32; for enhancement only.

        Here by autocasting, which suits any network; one that casts its weights once and for all is faster.
        """
        exact = self.forward

        def autocast(x: Tensor, t: Tensor | None = None) -> Tensor:
            with torch.autocast(next(self.parameters()).device.type, dtype=torch.bfloat16):
                output = exact(x, t)
            return output.to(torch.complex64 if output.is_complex() else torch.float32)

        self.forward = autocast  # type: ignore[method-assign]

    def unused(self) -> Iterable[nn.Parameter]:
        """Parameters that no call uses; distributed training would wait for their gradients for ever."""
        return ()

    def misfit(self, bins: int) -> str:
        """What this network takes, where that is not spectrograms of so many frequency ``bins``; else ""."""
        return f"takes multiples of {self.stride}" if bins % self.stride else ""

    def begin_as(self, given: Backbone, *, zero_output: bool = False) -> None:
        """Take over a predictive network of the same sizes, in place, so that enhancing is not learnt twice.

        Args:
            zero_output: keep the features and let the output be 0, for a network whose target is a residue.

        Raises:
            UserError: this kind cannot.
        """
        raise UserError(f"warm_start: a {type(self).__name__} cannot begin as a copy of another network")

    def begin_with_fewer_inputs(self, given: Backbone) -> None:
        """Take over a network that differs in having fewer inputs, in place; the others are ignored at first.

        Raises:
            UserError: this kind cannot.
        """
        raise UserError(f"warm_start: a {type(self).__name__} cannot begin as one of fewer inputs")

    def only_predictive(self, inputs: int, conditional: bool) -> None:
        """For the constructor of a network that takes one input and no time.

        Raises:
            UserError: it is to take more.
        """
        if inputs != 1 or conditional:
            kind = type(self).__name__
            raise UserError(f"{kind} is a predictive network: it takes one input, and no diffusion time")
        self.conditional = False

    @classmethod
    def renamed(cls, reference: str) -> str:
        """Our name of a weight that a reference checkpoint calls so."""
        for pattern, replacement in cls.reference_names:
            reference = re.sub(pattern, replacement, reference)
        return reference


BACKBONES: Registry[Backbone] = Registry(
    "backbone",
    "sebench.backbones",
    {
        "ncsnpp": "methods.backbones.ncsnpp:NCSNpp",
        "convtasnet": "methods.backbones.convtasnet:ConvTasNet",
        "gagnet": "methods.backbones.gagnet:GaGNet",
        "dcunet": "methods.backbones.dcunet:DCUNet",
        "edm2": "methods.backbones.edm2:EDM2UNet",
        "vae_encoder": "methods.backbones.vae:VAEEncoder",
        "vae_decoder": "methods.backbones.vae:VAEDecoder",
    },
)

DEFAULT = "ncsnpp"


def build(size: Mapping[str, Any]) -> Backbone:
    """The network that ``size`` describes: its ``backbone`` ("ncsnpp" without one) and its constructor's arguments.

    Raises:
        UserError: an unknown backbone or option.
    """
    options = dict(size)
    return BACKBONES.create(options.pop("backbone", DEFAULT), **options)


def describe(network: Network, chosen: Mapping[str, Any], *, predicts: str) -> dict[str, Any]:
    """The size of ``network``, for ``build``; ``chosen`` names a backbone and its options where it does not."""
    options = dict(network.options if "backbone" in network.options else {**chosen, **network.options})
    name = options.pop("backbone", DEFAULT)
    kind: Any = BACKBONES.get(name)
    size: dict[str, Any] = kind.options_for(network, options, predicts=predicts)
    BACKBONES.check(name, size)
    return size if name == DEFAULT else {"backbone": name, **size}


def complete(size: Mapping[str, Any]) -> dict[str, Any]:
    """A size with the defaults of all options that it does not name."""
    given = {"backbone": DEFAULT, **size}
    defaults = BACKBONES.options(given["backbone"])
    return {name: list(value) if isinstance(value, tuple) else value for name, value in {**defaults, **given}.items()}
