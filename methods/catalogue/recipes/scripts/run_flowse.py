"""FlowSE of Lee et al., Euler's method in 5 steps where none are asked for: ``run_flowse.py CHECKPOINT``."""

from serving import System, checkout, cpu_where_no_gpu, device, serve


def load(arguments):
    import torch

    checkout()
    cpu_where_no_gpu()
    from flowmse.model import VFModel
    from flowmse.sampling import get_white_box_solver
    from flowmse.util.other import pad_spec

    (checkpoint,) = arguments
    model = VFModel.load_from_checkpoint(
        checkpoint, base_dir="", batch_size=1, num_workers=0, kwargs={"gpu": False}, map_location=device()
    )
    model.ode.T_rev = model.T_rev
    model.eval(no_ema=False)
    model.to(device())

    def enhance(noisy):
        samples = torch.from_numpy(noisy.samples)[None].to(device())
        peak = samples.abs().max().clamp(min=1e-8)
        spectrogram = pad_spec(model._forward_transform(model._stft(samples / peak))[None])
        solve = get_white_box_solver(
            "euler",
            model.ode,
            model,
            Y=spectrogram,
            Y_prior=spectrogram,
            T_rev=model.T_rev,
            t_eps=model.t_eps,
            N=noisy.steps or 5,
        )
        return model.to_audio(solve()[0].squeeze(), samples.shape[1]) * peak

    return System(enhance, [model.dnn])


if __name__ == "__main__":
    serve(load)
