"""Makes the figures here from the public code: ``python -m tests.golden.settings.make PROJECT CHECKOUT``.

CHECKOUT is https://github.com/sp-uhh/storm at 257e963 or https://github.com/sp-uhh/sgmse at ae690e8. It is imported
and run as it is, on the CPU in float32. Packages that it imports and that have no part in what is computed
(logging, audio files, the moving average, CUDA extensions) are stood in for.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch
from torch import Tensor

from tests.golden.settings.recipe import KINDS, STEPS, Kind, cases, noise, noisy, weights

HERE = Path(__file__).parent
STOOD_IN = ("h5py", "pydub", "torch_ema", "torch_pesq", "torchaudio", "wandb")


def prepare(checkout: Path) -> None:
    """Make the checkout importable on a machine without a GPU."""
    sys.path.insert(0, str(checkout))
    import_module("pytorch_lightning")  # looks for what is stood in for
    for name in STOOD_IN:
        sys.modules[name] = MagicMock()
    import_module("torch.utils.cpp_extension").load = MagicMock()  # type: ignore[attr-defined]
    torch.Tensor.cuda = lambda self: self  # type: ignore[assignment,method-assign]
    torch.set_num_threads(1)


def build(kind: Kind, settings: dict[str, Any]) -> Any:
    """The reference's model."""
    module = import_module("sgmse.model")
    data = import_module("sgmse.data_module").SpecsDataModule
    model = getattr(module, kind.model)(data_module_cls=data, **settings)
    return model.eval()


def state(model: Any) -> dict[str, Tensor]:
    """Its networks' weights."""
    return {key: tensor for key, tensor in model.state_dict().items() if "net." in key or key.startswith("dnn.")}


def enhance(kind: Kind, model: Any, waveform: Tensor) -> Tensor:
    """As the project's ``enhancement.py`` does when it is told N and nothing else."""
    if kind.project == "storm":
        return model.enhance(waveform, corrector="ald", N=STEPS, corrector_steps=1, snr=0.5)  # type: ignore[no-any-return]
    reflected = model.backbone in ("ncsnpp_48k", "ncsnpp_v2")
    model.t_eps = 0.03
    peak = waveform.abs().max()
    pad = import_module("sgmse.util.other").pad_spec
    given = model._forward_transform(model._stft(waveform / peak)).unsqueeze(0)
    given = pad(given, mode="reflection" if reflected else "zero_pad")
    if type(model.sde).__name__ == "SBVESDE":
        sampler = model.get_sb_sampler(sde=model.sde, y=given, sampler_type="ode")
    else:
        sampler = model.get_pc_sampler("reverse_diffusion", "ald", given, N=STEPS, corrector_steps=1, snr=0.5)
    return model.to_audio(sampler()[0].squeeze(), waveform.shape[1]) * peak  # type: ignore[no-any-return]


def replaying() -> Callable[..., Tensor]:
    """What stands for ``torch.randn_like``."""
    drawn = noise()

    def randn_like(like: Tensor) -> Tensor:
        return torch.from_numpy(next(drawn))[:, :, : like.shape[2], : like.shape[3]].contiguous()

    return randn_like


def run(kind: Kind, settings: dict[str, Any], stored: dict[str, Tensor]) -> np.ndarray:
    """What the reference makes of the recording with ``settings`` and the weights of the unchanged file."""
    model = build(kind, dict(settings))
    if state(model).keys() != stored.keys():
        raise ValueError("other weights")
    model.load_state_dict({**model.state_dict(), **stored})
    torch.randn_like = replaying()
    with torch.no_grad():
        return np.asarray(enhance(kind, model, torch.from_numpy(noisy())[None]).detach().reshape(-1))


def make(project: str) -> None:
    """Write what every case gives: the waveform where it is another than the unchanged file's."""
    told: dict[str, dict[str, str]] = {}
    arrays: dict[str, np.ndarray] = {}
    for name, kind in KINDS.items():
        if kind.project != project:
            continue
        shapes = [(key, tuple(tensor.shape)) for key, tensor in state(build(kind, kind.settings)).items()]
        stored = {key: torch.from_numpy(value) for key, value in weights(shapes).items()}
        told[name] = {}
        for case, settings in cases(kind):
            try:
                output = run(kind, settings, stored)
                if not np.isfinite(output).all():
                    raise ValueError("not finite")
            except Exception as error:  # whatever the reference raises is an answer
                told[name][case] = f"error: {type(error).__name__}"
                continue
            output = output[::3]
            same = case != "as it is" and np.array_equal(output, arrays[f"{name}/as it is"])
            told[name][case] = "same" if same else "other"
            if not same:
                arrays[f"{name}/{case}"] = output
    (HERE / f"{project}.json").write_text(json.dumps(told, indent=1) + "\n")
    np.savez_compressed(HERE / f"{project}.npz", **arrays)


if __name__ == "__main__":
    prepare(Path(sys.argv[2]))
    make(sys.argv[1])
