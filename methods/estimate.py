"""A predictive network's estimate of the clean speech, whichever domain the network works in."""

from __future__ import annotations

import torch
from torch import Tensor

from methods.backbones import Backbone
from methods.spectrogram import Spectrogram


def estimated(network: Backbone, transform: Spectrogram, noisy: Tensor) -> Tensor:
    """The estimate's compressed spectrogram from the noisy one, both complex ``[B, 1, F, T]``.

    A network on waveforms is given the inverse transform of all T frames, (T - 1) hops long, and its output is
    transformed as it comes, as in StoRM's first release: what an output that is not aligned has shifted, stays so.
    """
    if network.domain == "spectrogram":
        found: Tensor = network(noisy)
        return found
    waveform = estimated_waveform(network, transform, noisy)
    with torch.autocast(noisy.device.type, enabled=False):
        return transform.forward(waveform)[..., : noisy.shape[-1]]


def estimated_waveform(network: Backbone, transform: Spectrogram, noisy: Tensor) -> Tensor:
    """The estimate's waveform, real ``[B, samples]``; as long as a network on waveforms gives it."""
    samples = transform.samples(noisy.shape[-1])
    if network.domain == "spectrogram":
        return transform.inverse(network(noisy), samples)
    with torch.autocast(noisy.device.type, enabled=False):
        waveform = transform.inverse(noisy, samples)
    found: Tensor = network(waveform)
    return found.float()
