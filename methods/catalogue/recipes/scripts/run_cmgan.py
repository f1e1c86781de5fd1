"""CMGAN, as its own ``evaluation.py`` runs it: ``run_cmgan.py CHECKPOINT``."""

from serving import System, checkout, cpu_where_no_gpu, device, serve


def load(arguments):
    import torch

    checkout("src")
    cpu_where_no_gpu()
    from evaluation import enhance_one_track
    from models import generator

    (checkpoint,) = arguments
    model = generator.TSCNet(num_channel=64, num_features=201).to(device())
    model.load_state_dict(torch.load(checkpoint, map_location=device()))
    model.eval()
    longest = 16 * 16000  # samples; longer recordings are enhanced in pieces
    return System(lambda noisy: enhance_one_track(model, noisy.path, None, longest)[0], [model])


if __name__ == "__main__":
    serve(load)
