"""CDiffuSE with its fast schedule of 6 steps: ``run_cdiffuse.py CHECKPOINT``."""

from serving import System, checkout, cpu_where_no_gpu, device, serve


def load(arguments):
    import torch

    checkout("src/cdiffuse")
    cpu_where_no_gpu()
    from inference import inference_schedule, load_model, predict
    from params import params
    from preprocess import make_spectrum

    params.n_mels = params.n_specs  # conditioned on the noisy spectrum, not on a mel spectrogram
    (checkpoint,) = arguments
    where = torch.device(device())
    model = load_model(model_dir=checkpoint, device=where)
    schedule = inference_schedule(model, fast_sampling=True)

    def enhance(noisy):
        spectrum, _, _ = make_spectrum(y=noisy.samples, FRAMELENGTH=params.n_fft, SHIFT=params.hop_samples)
        made, _ = predict(torch.from_numpy(spectrum), model, noisy.samples, *schedule, device=where)
        return made[:, : len(noisy.samples)]

    return System(enhance, [model])


if __name__ == "__main__":
    serve(load)
