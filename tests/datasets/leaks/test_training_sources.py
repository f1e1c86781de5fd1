"""What a training on the user's folders has seen: its recordings by their owners, without what validates."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.core import audio
from bench.datasets.recipes.training_pairs import TrainingMixtures
from tests.datasets.leaks.test_search import RATE, noise, response, sound


def test_sources_of_the_users_folders(tmp_path: Path) -> None:
    for n in range(3):
        audio.write(tmp_path / f"speech/p30{n}/a.wav", sound(n, 2.0), RATE)
        audio.write(tmp_path / f"noise/street{n}.wav", noise(n, 2.0), RATE)
        audio.write(tmp_path / f"rooms/hall{n}/a.wav", response(n), RATE)
    folders = {key: [str(tmp_path / name)] for key, name in (("speech_dirs", "speech"), ("noise_dirs", "noise"))}
    data = {
        split: TrainingMixtures(split, real_share=1.0, rir_dirs=[str(tmp_path / "rooms")], **folders)  # type: ignore
        for split in ("train", "valid")
    }
    seen = {split: {(one.kind, one.owner) for one in pairs.sources().items} for split, pairs in data.items()}
    assert len(seen["train"]) == 6
    assert not seen["train"] & seen["valid"]
    assert all(np.any(one.print) for one in data["train"].sources().items)
