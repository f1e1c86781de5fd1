"""A predictive method before another one: any that is registered, known systems included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.core.errors import UserError
from methods.base import METHODS, Method
from methods.spectrogram import Spectrogram


@dataclass(frozen=True)
class FirstStage:
    """A predictive method by its name in the registry."""

    name: str
    method: Method

    @classmethod
    def of(cls, predictor: str | Mapping[str, Any], device: str) -> FirstStage:
        """The method that an option names: by its name, or a mapping of its ``name`` and its options.

        Args:
            device: for methods that run on one, unless the mapping says which.

        Raises:
            UserError: there is no such method or option, or it needs noise, steps, or the utterances' ids.
        """
        options = {"name": predictor} if isinstance(predictor, str) else dict(predictor)
        name = options.pop("name", "")
        if "device" in METHODS.options(name):
            options.setdefault("device", device)
        made = METHODS.create(name, **options)
        if made.stochastic or made.uses_steps or made.needs_id:
            raise UserError(f"predictor={name}: a predictive method needs no noise, steps or files")
        return cls(name, made)

    def estimate(self, transform: Spectrogram, noisy: Tensor) -> tuple[Tensor, int]:
        """Its estimates' compressed spectrograms, complex ``[B, 1, F, T]`` as ``noisy``, and its calls for each."""
        waveforms = transform.inverse(noisy, transform.samples(noisy.shape[-1])).cpu().numpy()
        given = list(waveforms)
        made = self.method.enhance_batch(given, transform.sample_rate, generators=[0] * len(given), batch=len(given))
        audio = torch.stack([torch.from_numpy(one.audio) for one in made]).to(noisy.device)
        return transform.forward(audio)[..., : noisy.shape[-1]], max(one.nfe for one in made)

    def provenance(self) -> dict[str, Any]:
        return {"name": self.name, **self.method.provenance()}
