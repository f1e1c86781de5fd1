"""Facebook's denoiser: ``run_denoiser.py dns48|dns64|master64``; its weights come with the first use."""

from serving import System, device, serve


def load(arguments):
    import torch
    from denoiser import pretrained

    (name,) = arguments
    model = getattr(pretrained, name)().to(device()).eval()
    return System(lambda noisy: model(torch.from_numpy(noisy.samples)[None, None].to(device())), [model])


if __name__ == "__main__":
    serve(load)
