"""Speex's preprocessor by pyspeex-noise, 10 ms at a time: a new state for each recording, its delay of 10 ms undone."""

import numpy as np
from serving import System, serve

FRAME = 160


def load(arguments):
    from pyspeex_noise import AudioProcessor

    def enhance(noisy):
        samples = np.clip(np.rint(32768 * noisy.samples), -32768, 32767).astype("<i2")
        padded = np.pad(samples, (0, FRAME + -len(samples) % FRAME))
        processor = AudioProcessor(0, -30)
        made = b"".join(processor.process_10ms(frame.tobytes()) for frame in padded.reshape(-1, FRAME))
        return np.frombuffer(made, "<i2")[FRAME : FRAME + len(samples)].astype(np.float32) / 32768

    return System(enhance)


if __name__ == "__main__":
    serve(load)
