"""Speaker similarity: the cosine of two speaker embeddings, of the clean and of the enhanced speech, 0 to 1.

By the network of the package ``resemblyzer`` (Apache-2.0), which follows Wan, Wang, Papir, Lopez Moreno, "Generalized
End-to-End Loss for Speaker Verification", ICASSP 2018: three LSTM layers on 40 mel bands, trained on LibriSpeech and
VoxCeleb. The network is written here; ``bench weights get resemblyzer`` fetches its weights without the package's
dependencies. Unlike in the package, pauses are not cut out before. Two recordings of one speaker are at about 0.9, of
two speakers between 0.5 and 0.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.types import Audio
from metrics.base import Clip, Metric, Undefined
from metrics.models import Catalogued, model_file, sha256, with_weights

WEIGHTS = Catalogued("resemblyzer", "pretrained.pt", "resemblyzer==0.1.4", "resemblyzer/pretrained.pt")

BANDS, HIDDEN, LAYERS = 40, 256, 3
WINDOW, STRIDE = 400, 160
"""Of the mel spectrogram, in samples at 16 kHz."""

FRAMES, BETWEEN = 160, 77
"""Frames of a part of the speech (1.6 s), and between the starts of two; the embedding is their mean."""

COVERED = 0.75
"""Share of the last part that must be speech, not padding."""

LEVEL = 10 ** (-30 / 20)
"""Root mean square to which quieter speech is raised."""


class SpeakerSimilarityGe2e(Metric):
    """By embeddings of the generalised end-to-end loss.

    Args:
        weights: the package's ``pretrained.pt``; None: as ``bench weights get resemblyzer`` fetched it.

    Raises:
        UserError: the weights are not here, or the file holds something else.
    """

    label = "Speaker sim. (GE2E)"
    aspect = "speaker"
    low, high = 0.0, 1.0
    sample_rate = 16000
    min_seconds = 0.5

    def __init__(self, weights: str | None = None) -> None:
        how = "name the package's pretrained.pt, or: bench weights get resemblyzer"
        self._file = model_file(weights, "speaker_similarity_ge2e", how) if weights else WEIGHTS.needed()
        self._network = load(self._file)

    def compute(self, clip: Clip) -> float:
        if np.ptp(clip.enhanced) == 0 or np.ptp(clip.reference) == 0:
            raise Undefined("a constant signal has no voice to compare")
        return float(clip.once_per_recording(self._of_clean) @ self.embedding(clip.enhanced))

    def _of_clean(self, clip: Clip) -> NDArray[np.float32]:
        return self.embedding(clip.reference)

    def embedding(self, speech: Audio) -> NDArray[np.float32]:
        """Of ``speech``, float32 ``[samples]`` at 16 kHz; ``[256]``, of length 1.

        Raises:
            Undefined: the network's output is zero.
        """
        import torch

        with torch.inference_mode():
            parts = self._network(torch.from_numpy(mel_parts(speech))).numpy()
        mean = parts.mean(axis=0)
        if not mean.any():
            raise Undefined("the network's embedding of the speech is zero")
        return np.asarray(mean / np.linalg.norm(mean))

    def settings(self) -> Mapping[str, str]:
        return {"weights": sha256(self._file), "pauses": "not cut out"}


def mel_parts(speech: Audio) -> NDArray[np.float32]:
    """Mel power spectra of the parts of ``speech``, ``[parts, FRAMES, BANDS]``."""
    from librosa.feature import melspectrogram

    level = float(np.sqrt(np.mean(np.square(speech, dtype=np.float64))))
    raised = speech * np.float32(max(1.0, LEVEL / level))
    frames = -(-(speech.size + 1) // STRIDE)
    starts = list(range(0, max(1, frames - FRAMES + BETWEEN + 1), BETWEEN))
    if len(starts) > 1 and speech.size - starts[-1] * STRIDE < COVERED * FRAMES * STRIDE:
        starts.pop()
    raised = np.pad(raised, (0, max(0, (starts[-1] + FRAMES) * STRIDE - raised.size)))
    mel = melspectrogram(y=raised, sr=16000, n_fft=WINDOW, hop_length=STRIDE, n_mels=BANDS).T
    return np.stack([mel[start : start + FRAMES] for start in starts]).astype(np.float32)


def load(file: Path) -> Any:
    """The network with the weights in ``file``; ``[parts, FRAMES, BANDS]`` -> embeddings ``[parts, 256]``.

    Raises:
        UserError: the file holds something else.
    """
    from torch import Tensor, nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(BANDS, HIDDEN, LAYERS, batch_first=True)
            self.linear = nn.Linear(HIDDEN, HIDDEN)

        def forward(self, mel: Tensor) -> Tensor:
            _, (hidden, _) = self.lstm(mel)
            return nn.functional.normalize(self.linear(hidden[-1]).relu(), dim=1)

    def state(saved: Any) -> dict[str, Any]:
        """Without the scale of the loss, which only training uses."""
        return {name: value for name, value in saved["model_state"].items() if not name.startswith("similarity_")}

    return with_weights(Network(), file, "speaker_similarity_ge2e", state)
