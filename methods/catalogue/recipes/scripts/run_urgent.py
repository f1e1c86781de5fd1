"""The URGENT 2026 baselines: ``run_urgent.py bsrnn|flow CHECKPOINT``; the peak of the output is 0.9, as theirs is."""

from serving import System, checkout, cpu_where_no_gpu, device, serve


def load(arguments):
    import torch

    checkout()
    cpu_where_no_gpu()
    kind, checkpoint = arguments
    if kind == "bsrnn":
        from baseline_code.d_model import SEModel as Model
    else:
        from baseline_code.flow_model import FlowSEModel as Model
    model = Model.load_from_checkpoint(checkpoint, map_location=device())
    model.eval()

    def enhance(noisy):
        samples = torch.from_numpy(noisy.samples)[None].to(device())
        length = torch.tensor([samples.shape[1]], device=device())
        if kind == "bsrnn":
            made, _ = model.se_model(samples, length, noisy.sample_rate)
        else:
            made = model.enhance(samples, noisy.sample_rate, length, N=noisy.steps or 15)
        return made / made.abs().max().clamp(min=1e-8) * 0.9

    return System(enhance, [model.se_model if kind == "bsrnn" else model.dnn])


if __name__ == "__main__":
    serve(load)
