"""The package logmmse with its own defaults; it turns numpy's warnings into errors, in this process alone."""

from serving import System, serve


def load(arguments):
    from logmmse import logmmse

    return System(lambda noisy: logmmse(noisy.samples, noisy.sample_rate))


if __name__ == "__main__":
    serve(load)
