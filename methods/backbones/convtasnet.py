"""Conv-TasNet: a learnt transform of the waveform, masked by a temporal convolutional network."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.backbones.base import Backbone, Renamings

WINDOW, STRIDE = 32, 16
"""2 ms and 1 ms at 16 kHz."""


class CumulativeNorm(nn.Module):
    """Normalises over channels and all time up to now, ``[B, C, T]``; for causal networks."""

    def __init__(self, channels: int, eps: float = 1e-8) -> None:
        super().__init__()
        self.gain, self.bias = nn.Parameter(torch.ones(1, channels, 1)), nn.Parameter(torch.zeros(1, channels, 1))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        count = x.shape[1] * torch.arange(1, x.shape[2] + 1, device=x.device, dtype=x.dtype)
        mean = x.sum(1).cumsum(1) / count
        variance = x.square().sum(1).cumsum(1) / count - mean.square()
        normal = (x - mean[:, None]) / (variance + self.eps).sqrt()[:, None]
        return normal * self.gain + self.bias


def _norm(channels: int, causal: bool) -> nn.Module:
    return CumulativeNorm(channels) if causal else nn.GroupNorm(1, channels, eps=1e-8)


class Block(nn.Module):
    """Depthwise separable dilated convolution with a residual and a skip output, ``[B, channels, T]``."""

    def __init__(self, channels: int, hidden: int, dilation: int, *, causal: bool) -> None:
        super().__init__()
        self.padding = (2 * dilation, 0) if causal else (dilation, dilation)
        self.expand = nn.Conv1d(channels, hidden, 1)
        self.depthwise = nn.Conv1d(hidden, hidden, 3, dilation=dilation, groups=hidden)
        self.residual = nn.Conv1d(hidden, channels, 1)
        self.activation1, self.activation2 = nn.PReLU(), nn.PReLU()
        self.norm1, self.norm2 = _norm(hidden, causal), _norm(hidden, causal)
        self.skip = nn.Conv1d(hidden, channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.norm1(self.activation1(self.expand(x)))
        h = self.norm2(self.activation2(self.depthwise(F.pad(h, self.padding))))
        return self.residual(h), self.skip(h)


class ConvTasNet(Backbone):
    """Waveform in, waveform out: Luo & Mesgarani 2019, "Conv-TasNet", as in the StoRM release.

    There the encoder has no ReLU, the mask is a sigmoid, and the output is not cut: sample j of it lies at sample
    j - 16 of the input, and is up to 63 samples longer. A network trained with that has to learn the shift.

    Args:
        filters: of the learnt transform.
        channels, hidden: of the blocks.
        layers, stacks: blocks of dilations 1, 2, 4, ... and how often.
        causal: whether no block looks ahead.
        aligned: whether the output is cut to the input's samples; False: as the release.
    """

    stride = 1
    domain: ClassVar[str] = "waveform"
    reference_names: ClassVar[Renamings] = (
        (r"^TCN\.LN\.", "norm."),
        (r"^TCN\.BN\.", "bottleneck."),
        (r"^TCN\.output\.0\.", "activation."),
        (r"^TCN\.output\.1\.", "mask."),
        (r"^TCN\.TCN\.", "blocks."),
        (r"\.conv1d\.", ".expand."),
        (r"\.dconv1d\.", ".depthwise."),
        (r"\.res_out\.", ".residual."),
        (r"\.skip_out\.", ".skip."),
        (r"\.nonlinearity(\d)\.", r".activation\1."),
        (r"\.reg(\d)\.", r".norm\1."),
    )

    def __init__(
        self,
        inputs: int = 1,
        filters: int = 256,
        channels: int = 128,
        hidden: int = 512,
        layers: int = 8,
        stacks: int = 3,
        *,
        causal: bool = False,
        aligned: bool = True,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.only_predictive(inputs, conditional)
        self.aligned = aligned
        self.encoder = nn.Conv1d(1, filters, WINDOW, stride=STRIDE, bias=False)
        self.norm = _norm(filters, causal)
        self.bottleneck = nn.Conv1d(filters, channels, 1)
        self.blocks = nn.ModuleList(
            Block(channels, hidden, 2 ** (i % layers), causal=causal) for i in range(layers * stacks)
        )
        self.activation = nn.PReLU()
        self.mask = nn.Conv1d(channels, filters, 1)
        self.decoder = nn.ConvTranspose1d(filters, 1, WINDOW, stride=STRIDE, bias=False)

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        """Real ``[B, samples]`` -> real ``[B, samples]``, or more of them where it is not ``aligned``."""
        samples = x.shape[-1]
        rest = WINDOW - (STRIDE + samples % WINDOW) % WINDOW
        encoded = self.encoder(F.pad(x[:, None], (STRIDE, rest + STRIDE)))
        h = self.bottleneck(self.norm(encoded))
        total = torch.zeros_like(h)
        for block in self.blocks:
            residual, skip = block(h)
            h, total = h + residual, total + skip
        masked = encoded * torch.sigmoid(self.mask(self.activation(total)))
        decoded: Tensor = self.decoder(masked).squeeze(1)
        return decoded[:, STRIDE : STRIDE + samples] if self.aligned else decoded

    def unused(self) -> list[nn.Parameter]:
        """The last block's residual output, which the release has too."""
        last = self.blocks[-1]
        assert isinstance(last, Block)
        return list(last.residual.parameters())
