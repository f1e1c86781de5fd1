"""noisereduce's spectral gating with its own defaults: ``run_noisereduce.py [stationary]``."""

from serving import System, serve


def load(arguments):
    import noisereduce

    stationary = arguments == ["stationary"]
    return System(lambda noisy: noisereduce.reduce_noise(y=noisy.samples, sr=noisy.sample_rate, stationary=stationary))


if __name__ == "__main__":
    serve(load)
