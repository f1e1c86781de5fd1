"""The transform, there and back, and a training item made with it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from bench.core.types import Audio
from methods.spectrogram import Spectrogram
from methods.training.data import Crops
from tests.reference.golden import Comparison, Golden, reproduces


@reproduces("spectral/storm_spectral.npz", tolerance=1e-5)
def transform(golden: Golden) -> Iterator[Comparison]:
    a = golden.arrays()
    wav = a["wav"]
    for window in ("hann", "sqrthann"):
        ours = Spectrogram(window=window)
        plain = Spectrogram(window=window, transform="none").forward(wav)
        compressed = ours.forward(wav)
        yield from golden.compare(
            **{
                f"{window}_window": ours._window(wav),
                f"{window}_stft": plain[0],
                f"{window}_spec_f0.33_e0.5": compressed[0],
                f"{window}_padded_shape": torch.tensor(ours.pad(compressed).shape),
                f"{window}_back": ours.expand(compressed)[0],
                f"{window}_istft_len2600": ours.inverse(compressed, 2600),
                f"{window}_istft_from_padded_len2600": ours.inverse(ours.pad(compressed), 2600),
                f"{window}_istft_nolength": ours.inverse(compressed, 2560),
            }
        )
    yield from golden.compare(**{"hann_spec_f0.15_e0.5": Spectrogram(factor=0.15).forward(wav)[0]})
    yield from golden.compare(**{"hann_spec_f0.065_e0.667": Spectrogram(factor=0.065, exponent=0.667).forward(wav)[0]})
    edges, ours = a["edge_in"], Spectrogram()
    yield from golden.compare(edge_fwd=ours.compress(edges), edge_back_of_in=ours.expand(edges))
    yield from golden.compare(random_spec_to_audio_len5000=ours.inverse(a["random_spec"], 5000))
    for frames, padded in a["pad_T_in_out"].tolist():
        yield "padding", ours.pad(torch.zeros(1, 1, 1, frames)).shape[-1], padded
    for samples, frames in a["stft_len_frames"].tolist():
        yield "frames", ours.forward(torch.zeros(1, samples)).shape[-1], frames


@reproduces("spectral/storm_dataset_item.npz", tolerance=2e-4)
def validation_item(golden: Golden) -> Iterator[Comparison]:
    """Normalised by the whole recording's peak, cut in the middle or padded on both sides, transformed.

    The transform's square root makes 1e-4 of a rounding error of 1e-8 in an empty bin: processors differ by as much.
    """
    a = golden.arrays()
    clean, noisy = a["clean_long"].numpy(), a["noisy_long"].numpy()
    ours = Spectrogram()
    pairs = {"long": (clean, noisy), "short": (clean[:20001], noisy[:20001])}
    for name, crop in zip(pairs, Crops(Recordings(list(pairs.values())), ours, 256, seed=None), strict=False):
        for letter, signal in zip("XY", crop, strict=True):
            spectrogram = ours.forward(signal.unsqueeze(0))[0]
            yield from golden.compare(
                **{
                    f"{name}_shape": torch.tensor(spectrogram.shape),
                    f"{name}_{letter}_sub16": spectrogram[:, ::16, ::16],
                    f"{name}_{letter}_abs_sum": spectrogram.abs().double().sum(),
                }
            )


class Recordings:
    def __init__(self, pairs: list[tuple[Audio, Audio]]) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[Audio, Audio]:
        clean, noisy = self.pairs[index]
        return np.asarray(clean), np.asarray(noisy)
