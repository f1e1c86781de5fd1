"""An encoder of shorten's format, version 2, for tests of what reads it.

A. Robinson, "SHORTEN: Simple lossless and near-lossless waveform compression", CUED/F-INFENG/TR.156, 1994: polynomial
prediction of order 0 to 3 (section 3.2), Rice codes of the residual (section 3.3), blocks of samples.
"""

from __future__ import annotations

import numpy as np

DIFF, QUIT, ZERO = range(4), 4, 8
FUNCTION_BITS, ENERGY_BITS, LONG_BITS = 2, 3, 2
BIG_ENDIAN, LITTLE_ENDIAN = 3, 5
"""Types of 16-bit samples."""

BLOCK = 256


class _Bits:
    def __init__(self) -> None:
        self.bits: list[int] = []

    def unsigned(self, value: int, low: int) -> None:
        """Rice code: as many zeros as the high bits say, a one, and the low bits."""
        self.bits += [0] * (value >> low) + [1] + [value >> bit & 1 for bit in reversed(range(low))]

    def signed(self, value: int, low: int) -> None:
        """With the sign as the lowest bit."""
        self.unsigned(~value << 1 | 1 if value < 0 else value << 1, low + 1)

    def long(self, value: int) -> None:
        """With the number of its low bits before it."""
        self.unsigned(value.bit_length(), LONG_BITS)
        self.unsigned(value, value.bit_length())

    def packed(self) -> bytes:
        while len(self.bits) % 32:
            self.bits.append(0)
        return np.packbits(self.bits).tobytes()


def encoded(samples: np.ndarray, kind: int = LITTLE_ENDIAN) -> bytes:
    """``samples``, int16 ``[samples, channels]``, compressed; the last samples that fill no block are left out."""
    out = _Bits()
    channels = samples.shape[1]
    for value in (kind, channels, BLOCK, 0, 0, 0):  # no linear prediction, no mean to subtract, nothing skipped
        out.long(value)
    before = np.zeros((channels, 3), np.int64)
    for start in range(0, len(samples) // BLOCK * BLOCK, BLOCK):
        for channel in range(channels):
            block = samples[start : start + BLOCK, channel].astype(np.int64)
            known = np.concatenate([before[channel], block])
            before[channel] = known[-3:]
            if not block.any():
                out.unsigned(ZERO, FUNCTION_BITS)
                continue
            residuals = [np.diff(known, order)[3 - order :] for order in DIFF]
            order = int(np.argmin([np.abs(one).sum() for one in residuals]))
            low = max(0, int(np.log2(np.abs(residuals[order]).mean() + 1)))
            out.unsigned(order, FUNCTION_BITS)
            out.unsigned(low, ENERGY_BITS)
            for value in residuals[order]:
                out.signed(int(value), low)
    out.unsigned(QUIT, FUNCTION_BITS)
    return b"ajkg\x02" + out.packed()


def sphere(samples: np.ndarray, rate: int, kind: int = LITTLE_ENDIAN) -> bytes:
    """A NIST SPHERE file of compressed ``samples``, int16 ``[samples, channels]``."""
    kept = samples[: len(samples) // BLOCK * BLOCK]
    order = "01" if kind == LITTLE_ENDIAN else "10"
    header = (
        f"NIST_1A\n   1024\nchannel_count -i {samples.shape[1]}\nsample_count -i {len(kept)}\nsample_rate -i {rate}\n"
        f"sample_n_bytes -i 2\nsample_byte_format -s2 {order}\nsample_sig_bits -i 16\n"
        "sample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n"
    )
    return header.encode().ljust(1024) + encoded(kept, kind)
