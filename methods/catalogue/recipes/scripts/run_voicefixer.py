"""VoiceFixer, mode 0 (the original model); its weights come with the first use."""

from serving import System, device, serve


def load(arguments):
    from voicefixer import VoiceFixer

    model, cuda = VoiceFixer(), device() == "cuda"
    return System(lambda noisy: model.restore_inmem(noisy.samples, cuda=cuda, mode=0))


if __name__ == "__main__":
    serve(load)
