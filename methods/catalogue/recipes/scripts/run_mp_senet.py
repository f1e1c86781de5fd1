"""MP-SENet: ``run_mp_senet.py CHECKPOINT``, with ``config.json`` beside the checkpoint."""

import json
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

from serving import System, checkout, device, serve


def load(arguments):
    import torch

    checkout()
    signal = either("dataset", "datasets.dataset")
    (checkpoint,) = arguments
    config = SimpleNamespace(**json.loads(Path(checkpoint).with_name("config.json").read_text()))
    model = either("models.model", "models.generator").MPNet(config).to(device())
    model.load_state_dict(torch.load(checkpoint, map_location=device())["generator"])
    model.eval()
    frames = (config.n_fft, config.hop_size, config.win_size, config.compress_factor)

    def enhance(noisy):
        samples = torch.from_numpy(noisy.samples).to(device())
        level = samples.square().mean().sqrt().clamp(min=1e-8)
        magnitude, phase, _ = signal.mag_pha_stft(samples[None] / level, *frames)
        magnitude, phase, _ = model(magnitude, phase)
        return signal.mag_pha_istft(magnitude, phase, *frames) * level

    return System(enhance, [model])


def either(new, old):
    """A module by the name that it has in newer revisions, or in older ones."""
    try:
        return import_module(new)
    except ModuleNotFoundError:
        return import_module(old)


if __name__ == "__main__":
    serve(load)
