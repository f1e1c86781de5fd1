"""MANNER: ``run_manner.py CHECKPOINT``; its size, small, base or large, is in the file's name."""

from pathlib import Path

from serving import System, checkout, device, serve


def load(arguments):
    import torch

    checkout()
    (checkpoint,) = arguments
    name = Path(checkpoint).name
    if "small" in name:
        from src.models_small import MANNER
    else:
        from src.models import MANNER
    model = MANNER(
        in_channels=1,
        out_channels=1,
        hidden=120 if "large" in name else 60,
        depth=4,
        kernel_size=8,
        stride=4,
        growth=2,
        head=1,
        segment_len=64,
    ).to(device())
    model.load_state_dict(torch.load(checkpoint, map_location=device())["state_dict"])
    model.eval()
    return System(lambda noisy: model(torch.from_numpy(noisy.samples)[None, None].to(device())), [model])


if __name__ == "__main__":
    serve(load)
