"""WPE of nara_wpe on one channel: 10 taps from 3 frames back, 3 iterations, frames of 32 ms every 8 ms."""

from serving import System, serve


def load(arguments):
    from nara_wpe.utils import istft, stft
    from nara_wpe.wpe import wpe

    def enhance(noisy):
        frames = stft(noisy.samples[None], size=512, shift=128).transpose(2, 0, 1)
        dry = wpe(frames, taps=10, delay=3, iterations=3, statistics_mode="full").transpose(1, 2, 0)
        return istft(dry, size=512, shift=128)[0, : len(noisy.samples)]

    return System(enhance)


if __name__ == "__main__":
    serve(load)
