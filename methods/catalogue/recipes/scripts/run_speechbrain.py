"""SpeechBrain's enhancement models of huggingface.co: ``run_speechbrain.py mask|separation OWNER/NAME``."""

from pathlib import Path

from serving import System, device, serve


def load(arguments):
    import torch

    kind, source = arguments
    options = {
        "source": source,
        "savedir": str(Path.home() / ".cache" / "speechbrain" / source.replace("/", "--")),
        "run_opts": {"device": device()},
    }

    def batch(noisy):
        return torch.from_numpy(noisy.samples)[None]

    if kind == "mask":
        from speechbrain.inference.enhancement import SpectralMaskEnhancement

        model = SpectralMaskEnhancement.from_hparams(**options)
        return System(
            lambda noisy: model.enhance_batch(batch(noisy), lengths=torch.ones(1)), [model.mods.enhance_model]
        )
    from speechbrain.inference.separation import SepformerSeparation

    model = SepformerSeparation.from_hparams(**options)
    return System(lambda noisy: model.separate_batch(batch(noisy))[..., 0], [model.mods.masknet])


if __name__ == "__main__":
    serve(load)
