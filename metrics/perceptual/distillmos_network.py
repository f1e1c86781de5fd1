"""DistillMOS's network, its parts named as in the published weights; see ``distillmos``."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = (64, 64, 128, 256, 256, 256)
"""Of the convolutions."""

WINDOW, STRIDE = 320, 160
"""Of the short-time spectrum, in samples."""

FRAMES, WIDTH, HEADS, LAYERS = 384, 200, 8, 7
"""Of the transformer: positions, channels, attention heads, layers."""


class Convolutions(nn.Module):
    """Segments to ``[segments, channels * bands, FRAMES]``, through a compressed complex spectrum."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index, (inputs, outputs) in enumerate(zip((2, *CHANNELS), CHANNELS, strict=False)):
            stride = (1 if index == 0 else 2, 2 if index == len(CHANNELS) - 1 else 1)
            layers += [nn.Conv2d(inputs, outputs, 3, stride, padding=(0, 1)), nn.LeakyReLU(0.1)]
        self.cnn = nn.Sequential(*layers)

    def forward(self, speech: Tensor) -> Tensor:
        margin = (WINDOW - STRIDE) // 2
        speech = functional.pad(speech, (margin, margin), mode="reflect")
        window = torch.hann_window(WINDOW, device=speech.device)
        spectrum = torch.stft(speech, WINDOW, STRIDE, window=window, center=False, return_complex=True)
        magnitude = spectrum.abs().clamp(min=1e-12)
        compressed = torch.view_as_real(spectrum * magnitude ** (0.3 - 1))
        features: Tensor = self.cnn(compressed.permute(0, 3, 1, 2))
        return features.flatten(1, 2)


class Encoder(nn.Module):
    """``[segments, features, FRAMES]`` to ``[segments, FRAMES, WIDTH]``."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(features)
        self.linear_proj = nn.Linear(features, WIDTH)
        self.position_encoding = nn.Module()
        self.position_encoding.register_buffer("pe", torch.zeros(1, FRAMES, WIDTH))
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, dropout=0.0, batch_first=True)
        self.transformer_encoder = nn.TransformerEncoder(layer, LAYERS)

    def forward(self, features: Tensor) -> Tensor:
        placed = self.linear_proj(self.norm(features).mT) + self.position_encoding.pe
        encoded: Tensor = self.transformer_encoder(placed)
        return encoded


class Pooling(nn.Module):
    """``[segments, FRAMES, WIDTH]`` to ``[segments]``: an average with learnt weights, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(WIDTH, 2 * WIDTH)
        self.linear2 = nn.Linear(2 * WIDTH, 1)
        self.linear3 = nn.Linear(WIDTH, 1)

    def forward(self, encoded: Tensor) -> Tensor:
        attention = self.linear2(self.linear1(encoded).relu()).softmax(dim=1)
        pooled: Tensor = self.linear3((attention * encoded).sum(dim=1))
        return pooled.squeeze(-1)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cnn = Convolutions()
        bands = WINDOW // 2 + 1
        for index in range(len(CHANNELS)):
            bands = (bands - 3) // (1 if index == 0 else 2) + 1
        self.norm_input = nn.BatchNorm1d(CHANNELS[-1] * bands)
        self.transformer = Encoder(CHANNELS[-1] * bands)
        self.norm_trans = nn.BatchNorm1d(WIDTH)
        self.pool = Pooling()

    def forward(self, speech: Tensor) -> Tensor:
        encoded = self.transformer(self.norm_input(self.cnn(speech)))
        score: Tensor = self.pool(self.norm_trans(encoded.mT).mT)
        return 1 + 4 * score.sigmoid()
