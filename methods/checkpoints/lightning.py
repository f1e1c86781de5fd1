"""What the training scripts of StoRM and SGMSE write: PyTorch Lightning's ``.ckpt``, with two sets of weights.

Beside the raw weights in ``state_dict`` there are their exponential moving averages in ``ema``, a list in
the same order. The averages are what the releases enhance with. (The list ``collected_params`` next to
them is a leftover of the last validation, neither the one nor the other; it is not read.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from bench.core.errors import UserError, did_you_mean
from methods.checkpoints.settings import plain, shown
from methods.checkpoints.unpickling import STAND_INS

NETWORKS = ("dnn", "denoiser_net", "score_net")
"""Prefixes of the reference's networks: alone in its model, or the two of StoRM."""

WRAPPERS = ("module", "_orig_mod", "model")
"""What DataParallel, ``torch.compile`` and a class around a network put into its weights' names."""

IGNORED = ("pesq_loss",)
"""Prefixes of what a training objective keeps among the weights."""

STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")
"""How the names of a batch normalisation's statistics end, of which there are no averages."""

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """A file's content.

    Attributes:
        state: the raw weights of all networks, by their names in the file.
        ema: the file's entry of that name, or None.
        hyper_parameters: what the reference's model was built with.
        about: Lightning's version, epoch and step.
    """

    path: Path
    state: Weights
    ema: Any
    hyper_parameters: dict[str, Any]
    about: dict[str, Any]

    def shapes(self) -> dict[str, Weights]:
        """The raw weights by network and key; what a file says of its sizes."""
        return _by_network(self.state)

    def weights(self, kind: str | None) -> tuple[str, dict[str, Weights]]:
        """Which set ("ema" or "raw"; None: the averages, where there are any), and that set by network and key.

        Raises:
            UserError: there is no such set.
        """
        check_kind(kind)
        kind = kind or ("raw" if self.ema is None else "ema")
        return kind, _by_network(self.state if kind == "raw" else self._averages())

    def _averages(self) -> Weights:
        """The averages by the raw weights' names: the same tensors in the same order, but for what is not learnt."""
        shadow = self.ema.get("shadow_params") if isinstance(self.ema, Mapping) else None
        instead = "weights=raw takes the raw ones"
        if not isinstance(shadow, list):
            raise UserError(f"{self.path}: has no averaged weights; {instead}")
        learnt = [key for key in self.state if not key.endswith(STATISTICS)]
        if len(shadow) < len(learnt):
            raise UserError(f"{self.path}: has {len(shadow)} averages for {len(learnt)} weights; {instead}")
        averages = {**self.state, **dict(zip(learnt, shadow, strict=False))}  # a training objective's own may follow
        for key, tensor in averages.items():
            if not isinstance(tensor, Tensor) or tensor.shape != self.state[key].shape:
                raise UserError(f"{self.path}: the average of {shown(key)} is not shaped as that is; {instead}")
        check_bytes(self.path, averages.values())
        return averages


def check_kind(kind: str | None) -> None:
    """Raises ``UserError`` unless it is a kind of weights, or None for the averages where there are any."""
    if kind not in (None, "ema", "raw"):
        raise did_you_mean("kind of weights", str(kind), ("ema", "raw"))


def checkpoint_in(path: Path, content: Mapping[str, Any]) -> Checkpoint:
    """The checkpoint of StoRM or SGMSE in the ``content`` that ``unpickling.read`` found at ``path``.

    Raises:
        UserError: it is another project's.
    """
    state = content.get("state_dict")
    if not isinstance(state, Mapping) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise UserError(f"{path}: {_FOREIGN}: it has no 'state_dict', but {_some(content)}")
    bare, wrappers = _unwrapped(path, state)
    own = {key: tensor for key, tensor in bare.items() if key.partition(".")[0] not in IGNORED}
    if strange := [key for key in own if key.partition(".")[0] not in NETWORKS]:
        ours = strange[0].startswith("networks.")
        hint = "; `bench train` keeps this to continue from, what to load is weights.safetensors beside it"
        raise UserError(f"{path}: {_FOREIGN}: its weights are called {_some(strange)}{hint if ours else ''}")
    hyper_parameters = content.get("hyper_parameters")
    if not own or not isinstance(hyper_parameters, Mapping):
        what = "no 'hyper_parameters', which say how its networks are to be run" if own else "no weights"
        raise UserError(f"{path}: {_FOREIGN}: it has {what}")
    if len(hyper_parameters) > MOST_SETTINGS:
        raise UserError(f"{path}: {_FOREIGN}: it has {len(hyper_parameters)} hyper-parameters")
    check_bytes(path, own.values())
    return Checkpoint(
        path,
        own,
        content.get("ema"),
        {shown(key): plain(value) for key, value in hyper_parameters.items() if not _is_stand_in(value)},
        {
            "lightning": shown(content.get("pytorch-lightning_version", "")),
            "epoch": plain(content.get("epoch")),
            "step": plain(content.get("global_step")),
            **({"wrappers": wrappers} if wrappers else {}),
        },
    )


def _is_stand_in(value: Any) -> bool:
    return any(value is kind for kind in STAND_INS.values())


MOST_SETTINGS = 1000
"""Neither project has a tenth as many hyper-parameters."""


def _unwrapped(path: Path, state: Mapping[Any, Tensor]) -> tuple[Weights, list[str]]:
    """The weights by their names without ``WRAPPERS``, wherever in a name those stand; and those that were there."""
    bare: Weights = {}
    found: dict[str, None] = {}
    for key, tensor in state.items():
        parts = str(key).split(".")
        found |= dict.fromkeys(part for part in parts if part in WRAPPERS)
        name = ".".join(part for part in parts if part not in WRAPPERS)
        if name in bare:
            raise UserError(f"{path}: holds the weight {shown(name)} twice, with and without {' and '.join(found)}")
        bare[name] = tensor
    return bare, list(found)


def check_bytes(path: Path, tensors: Iterable[Tensor]) -> None:
    """That the weights are no larger than their file: a tensor can repeat a few numbers without end."""
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    if size > path.stat().st_size:
        raise UserError(f"{path}: made up, its weights would take {size:.3g} bytes and the file has fewer")


_FOREIGN = "not a checkpoint of StoRM or SGMSE"


def _by_network(weights: Weights) -> dict[str, Weights]:
    networks: dict[str, Weights] = {}
    for name, tensor in weights.items():
        prefix, _, key = name.partition(".")
        networks.setdefault(prefix, {})[key] = tensor
    return networks


def _some(names: Any) -> str:
    names = [f"'{shown(name)}'" for name in names]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
