"""ClearVoice's enhancement models: ``run_clearvoice.py MODEL``; its weights come with the first use."""

from serving import System, serve


def load(arguments):
    from clearvoice import ClearVoice

    model = ClearVoice(task="speech_enhancement", model_names=arguments)
    return System(lambda noisy: model(input_path=noisy.path, online_write=False))


if __name__ == "__main__":
    serve(load)
