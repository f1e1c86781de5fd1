"""SGMSE, as its own ``ScoreModel.enhance`` runs it: ``run_sgmse.py CHECKPOINT``."""

from serving import System, checkout, cpu_where_no_gpu, device, serve


def load(arguments):
    import torch

    checkout()
    cpu_where_no_gpu()
    from sgmse.model import ScoreModel

    (checkpoint,) = arguments
    model = ScoreModel.load_from_checkpoint(checkpoint, map_location=device())
    model.eval()

    def enhance(noisy):
        steps = {} if noisy.steps is None else {"N": noisy.steps}
        return model.enhance(torch.from_numpy(noisy.samples)[None], corrector="ald", snr=0.5, **steps)

    return System(enhance, [model.dnn])


if __name__ == "__main__":
    serve(load)
