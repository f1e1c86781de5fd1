"""The base class of methods with trained networks: they declare networks, loss, and the schema of their settings."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from bench.core.errors import UserError
from bench.core.types import Utterance
from methods.backbones import Network
from methods.base import Method
from methods.catalogue.fetch import local_copy
from methods.checkpoints.systems import open_model
from methods.computing import Computing
from methods.devices import multiplies_bfloat16, resolve
from methods.losses import Batch, Losses, Objective
from methods.weights import EMBEDDED, TrainedModel


@dataclass(frozen=True)
class NoSettings:
    """The settings of a method that has only those common to all trained methods."""


class TrainedMethod(Method):
    """A method whose networks ``bench train`` trains; no other code depends on which method it is.

    Args:
        checkpoint: a weights file of this project, StoRM or SGMSE; "embedded" for the small networks included in
            this project; or networks already built.
        device: "cpu", "cuda", "cuda:1", ...; "auto" is a GPU if there is one.
        weights: "ema" or "raw", of a checkpoint with both; None: the averages if there are any.
        precision: of the networks: "float32", "tf32" (NVIDIA GPUs) or "bfloat16".
        compile: whether the networks are compiled.

    Attributes:
        name: in the registry and in weights files.
        Settings: the schema of its own settings, a frozen dataclass that refuses invalid values. Its fields are keys
            of ``method`` in a training's configuration and of a weights file.
        warm_starts: ``{"score": "denoiser"}``: a new score network may be initialised from a trained denoiser
            (``bench train warm_start=true``).
        generates_residue: whether a warm-started network generates a residue instead of speech.
    """

    name: ClassVar[str]
    Settings: ClassVar[type] = NoSettings
    warm_starts: ClassVar[Mapping[str, str]] = {}
    generates_residue: ClassVar[bool] = False

    def __init__(
        self,
        checkpoint: str | TrainedModel = "embedded",
        device: str = "auto",
        weights: str | None = None,
        precision: str = "float32",
        compile: bool = False,
    ) -> None:
        self.computing = Computing(precision, compile)
        model = checkpoint if isinstance(checkpoint, TrainedModel) else self.find(checkpoint, weights)
        self.device = resolve(device)
        self.model = self.computing.prepared(model, self.device)
        self.sample_rate = self.model.spectrogram.sample_rate

    @classmethod
    @abstractmethod
    def networks(cls, settings: Any) -> Mapping[str, Network]:
        """The networks by their names, for ``settings``, an instance of ``Settings``."""

    @abstractmethod
    def loss(self, batch: Batch, objective: Objective) -> Losses:
        """The loss that a training step minimises."""

    def check_objective(self, objective: Objective) -> None:
        """Check that this model can be trained with this ``objective``.

        Raises:
            UserError: it cannot; the message has the reason.
        """
        if objective.freeze_denoiser and "denoiser" not in self.model.networks:
            raise UserError(f"objective.freeze_denoiser=true: {self.name} has no network 'denoiser'")

    @classmethod
    def adopt(cls, model: TrainedModel) -> TrainedModel | None:
        """The part of another method's trained model that this method can run; None if there is none."""
        return model if model.method == cls.name else None

    @classmethod
    def embedded(cls) -> Path:
        """The file of ``checkpoint="embedded"``."""
        return EMBEDDED / f"{cls.name}.safetensors"

    @classmethod
    def find(cls, checkpoint: str | Path, weights: str | None = None) -> TrainedModel:
        """The model in ``checkpoint``.

        Raises:
            UserError: as ``open_model``, or the file belongs to another method.
        """
        path = local_copy(checkpoint)
        if str(checkpoint) == "embedded" and not (path := cls.embedded()).is_file():
            raise UserError(
                f"{cls.name} comes with no weights; name some with checkpoint=FILE (`bench train method={cls.name}`)"
            )
        model = open_model(path, weights)
        own = cls.adopt(model)
        if own is None:
            raise UserError(f"{path}: these weights are for the method '{model.method}', not '{cls.name}'")
        return own

    def preview(self, utterance_ids: Sequence[str], load: Callable[[str], Utterance]) -> list[str]:
        """A note where bfloat16 is asked for and nothing here multiplies it."""
        if self.computing.precision != "bfloat16" or multiplies_bfloat16(self.device.type) is not False:
            return []
        return ["precision=bfloat16: this processor only emulates it, which takes several times as long as float32"]

    def provenance(self) -> dict[str, Any]:
        return {
            "weights_sha256": self.model.sha256,
            "parameters": self.model.parameters,
            "device": str(self.device),
            **self.computing.facts(),
            **{key: value for key, value in self.model.config().items() if key != "training"},
        }
