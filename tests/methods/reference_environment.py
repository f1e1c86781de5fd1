"""An environment of its own for the scripts of sp-uhh/storm and sp-uhh/sgmse, with no more than enhancement needs.

They import packages at the top that only training, plotting and evaluation use. Modules of the same names stand in for
those, and for what is left of ``torchaudio``: ``load`` and ``save``. ``torch_ema`` is the real one, from the registry.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

LOADED = """
import soundfile
import torch


def load(path):
    import replay
    replay.start()
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return torch.from_numpy(samples.T.copy()), rate


def save(path, samples, rate):
    soundfile.write(path, samples.T.numpy(), rate, subtype="FLOAT")
"""

REPLAY = '''
"""Gaussian noise from a generator of its own, which every recording starts anew with the seed in REPLAY_SEED."""
import os

import torch
import torch.utils.cpp_extension
from lightning_fabric.utilities.device_dtype_mixin import _DeviceDtypeModuleMixin

generator = torch.Generator()


def start():
    generator.manual_seed(int(os.environ["REPLAY_SEED"]))


def randn_like(like, **options):
    return torch.randn(like.shape, dtype=like.dtype, generator=generator)


if "REPLAY_SEED" in os.environ:
    torch.randn_like = randn_like
if not torch.cuda.is_available():
    for kind in (torch.Tensor, torch.nn.Module, _DeviceDtypeModuleMixin):
        kind.cuda = lambda self, *_, **__: self
torch.utils.cpp_extension.load = lambda *_, **__: None  # CUDA code that nothing calls on a CPU
'''

ABSENT = {
    "torchaudio": LOADED,
    "replay": REPLAY,
    "sitecustomize": "import replay\n",
    "wandb": "",
    "h5py": "",
    "pydub": "class AudioSegment: ...\n",
    "pypapi": "events = papi_high = None\n",
    "tensorboard": "summary = None\n",
    "torch_pesq": "class PesqLoss: ...\n",
}


def environment(folder: Path) -> Path:
    """Make it; returns its interpreter. The test is skipped where the registry cannot be reached."""
    venv.create(folder, with_pip=False)
    site = next(folder.glob("lib*/python*/site-packages"))
    (site / "ours.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    for name, source in ABSENT.items():
        (site / f"{name}.py").write_text(source)
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), "torch-ema==0.3"]
    done = subprocess.run([sys.executable, *install], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"torch-ema cannot be had: {done.stderr.strip().splitlines()[-1:]}")
    return folder / "bin" / "python"
