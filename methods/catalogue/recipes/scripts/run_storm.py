"""StoRM, as its own ``enhancement.py --mode storm`` runs it: ``run_storm.py CHECKPOINT``."""

from serving import System, checkout, cpu_where_no_gpu, device, serve


def load(arguments):
    import torch

    checkout()
    cpu_where_no_gpu()
    from sgmse.model import StochasticRegenerationModel

    (checkpoint,) = arguments
    model = StochasticRegenerationModel.load_from_checkpoint(
        checkpoint, base_dir="", batch_size=1, num_workers=0, kwargs={"gpu": False}
    )
    model.eval(no_ema=False)
    model.to(device())

    def enhance(noisy):
        return model.enhance(torch.from_numpy(noisy.samples)[None], corrector="ald", N=noisy.steps or 50, snr=0.5)

    return System(enhance, [model.denoiser_net, model.score_net])


if __name__ == "__main__":
    serve(load)
