"""An NCSN++ that begins as a copy of another, so that enhancing is not learnt twice."""

from __future__ import annotations

import torch
from torch import nn

CONDITIONING = slice(2, 4)
"""The real channels of the first spectrogram that a score network takes beside its state: y, or D(y)."""


@torch.no_grad()
def from_predictive(score: nn.Module, denoiser: nn.Module, *, zero_output: bool = False) -> None:
    """Make ``score([x, y, ...], t)`` equal ``denoiser(y)`` for any x and t, in place; ``score(x, t)``, of the state
    alone, ``denoiser(x)``.

    Both have the same widths. Whatever reads another input or the time starts at zero, and so has a
    gradient; the networks' further taps start at zero too, but not what reads them.

    Args:
        zero_output: keep the features and let the output be 0, for a network whose target is a residue.
    """
    given = denoiser.state_dict()
    alone = score.get_parameter("output.weight").shape == given["output.weight"].shape
    heard = slice(None) if alone else CONDITIONING
    for name, module in score.named_modules():
        if isinstance(module, nn.Linear) and name.endswith(".time"):
            module.weight.zero_()
            module.bias.zero_()
    for name, parameter in score.named_parameters():
        if name not in given or name.startswith("fourier") or ".time." in name:
            continue
        value = given[name]
        if ".tap." in name:
            parameter.zero_()
            if not zero_output:
                parameter[heard] = value
        elif name == "output.weight":
            parameter[:, heard] = value
        elif name == "output.bias":
            parameter.copy_(0 * value if zero_output else value)
        elif parameter.shape == value.shape:
            parameter.copy_(value)
        else:  # a convolution that reads the inputs
            parameter.zero_()
            parameter[:, heard] = value


@torch.no_grad()
def from_fewer_inputs(score: nn.Module, given: nn.Module) -> None:
    """Make ``score([x, y, more], t)`` equal ``given([x, y], t)`` for any further input, in place.

    Both have the same widths. What reads the further inputs, and what taps them, starts at zero; what
    reads those taps keeps its random values, so that all of it has a gradient.
    """
    own = score.state_dict()
    for name, value in given.state_dict().items():
        target = own[name]
        if target.shape != value.shape and name != "output.weight":
            target.zero_()
        target[tuple(slice(0, length) for length in value.shape)] = value
