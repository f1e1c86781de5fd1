"""Rooms: the reverberant response of a simulated shoebox, and the direct path of the same geometry.

The recipe of the StoRM paper's dereverberation task (Lemercier et al., 2023): room of
5-15 x 5-15 x 2-6 m, T60 of 0.4-1.0 s, source and microphone at least 1 m from every wall, absorption
from the inverse Sabine formula, image sources up to order 3 and ray tracing beyond; the target has
the same geometry with walls that absorb 99 % and no reflection: the direct path with its delay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import UserError
from bench.core.types import Audio

SHORTEST, LONGEST = 0.4, 1.0
"""Range of T60 in s."""


@dataclass(frozen=True)
class Room:
    """Two responses of one geometry, float32 ``[samples]``, with the direct sound at the same sample.

    Attributes:
        reverberant: the whole response.
        anechoic: the direct path alone.
        t60: reverberation time in s, measured on ``reverberant``.
    """

    reverberant: Audio
    anechoic: Audio
    t60: float


def draw_room(seed: int, rate: int, t60_range: tuple[float, float] = (SHORTEST, LONGEST)) -> Room:
    """A random room with a T60 in ``t60_range`` s, the same for the same ``seed``.

    Sabine's formula assumes a diffuse field. In flat rooms it misses by up to a factor of two, so
    rooms whose measured T60 leaves the range are drawn again.

    Raises:
        UserError: the extra ``synthesis`` is not installed.
    """
    try:
        import pyroomacoustics
    except ImportError as error:
        raise UserError("simulated rooms need the extra 'synthesis': pip install 'sebench[synthesis]'") from error
    rng = np.random.default_rng(seed)
    pyroomacoustics.random.seed(seed)  # its ray tracer and its tail draw from generators of their own
    while True:
        size = rng.uniform((5, 5, 2), (15, 15, 6))
        source, microphone = rng.uniform(1, size - 1), rng.uniform(1, size - 1)
        absorption, order = pyroomacoustics.inverse_sabine(rng.uniform(*t60_range), size)

        def response(absorption: float, max_order: int, ray_tracing: bool) -> Audio:
            room = pyroomacoustics.ShoeBox(
                size,  # noqa: B023 - called within this turn of the loop
                fs=rate,
                materials=pyroomacoustics.Material(absorption),
                max_order=max_order,
                ray_tracing=ray_tracing,
            )
            room.add_source(source)  # noqa: B023
            room.add_microphone(microphone)  # noqa: B023
            room.compute_rir()
            return np.asarray(room.rir[0][0], dtype=np.float32)

        reverberant = response(absorption, min(3, order), True)
        t60 = measure_t60(reverberant, rate)
        if t60_range[0] <= t60 <= t60_range[1]:
            return Room(_cut(reverberant), response(0.99, 0, False), t60)


def measured_room(response: Audio, rate: int) -> Room:
    """A room from a recorded (or elsewhere simulated) response: what comes later than its direct sound is the room.

    The direct sound is the largest sample with the 2.5 ms after it, faded out over the last 1 ms; what
    comes more than 5 ms before it (latency, the recording's noise) is cut off.

    Raises:
        UserError: the response is silent.
    """
    if not response.any():
        raise UserError("the room response is silent")
    arrival = int(np.argmax(np.abs(response)))
    response = response[max(0, arrival - round(0.005 * rate)) :]
    end = min(arrival, round(0.005 * rate)) + round(0.0025 * rate)
    fade = round(0.001 * rate)
    direct = response[:end].copy()
    ramp = 0.5 * (1 + np.cos(np.pi * np.arange(1, fade + 1) / (fade + 1)))
    direct[end - fade :] *= ramp[: max(0, direct.size - (end - fade))]
    return Room(_cut(response), direct, float("nan"))


def measure_t60(response: Audio, rate: int) -> float:
    """Reverberation time in s: Schroeder's decay curve, line through -5 to -35 dB (T30, ISO 3382-1)."""
    decay = decay_curve(response)
    inside = np.flatnonzero((decay <= -5) & (decay >= -35))
    slope = np.polyfit(inside / rate, decay[inside], 1)[0]
    return float(-60 / slope)


def t60_of(response: Audio, rate: int) -> float | None:
    """``measure_t60`` of a measured response; None if it has no decay from -5 to -35 dB to measure."""
    decay = decay_curve(response)
    if np.count_nonzero((decay <= -5) & (decay >= -35)) < 2 or decay.min() > -35:
        return None
    return measure_t60(response, rate)


DIRECT = 0.0025
"""Seconds on either side of the direct sound's peak that count as direct."""


def measure_drr(response: Audio, rate: int) -> float:
    """Direct-to-reverberant ratio in dB: energy within 2.5 ms of the largest sample, re all that comes later."""
    arrival = int(np.argmax(np.abs(response)))
    end = arrival + round(DIRECT * rate) + 1
    energy = np.square(response.astype(np.float64))
    direct, late = energy[max(0, arrival - round(DIRECT * rate)) : end].sum(), energy[end:].sum()
    return float(10 * np.log10(direct / max(late, 1e-20 * direct)))


def decay_curve(response: Audio) -> NDArray[np.float64]:
    """Energy in dB that is still to come, re the total (Schroeder 1965): ``[samples]``."""
    energy = np.cumsum(response[::-1].astype(np.float64) ** 2)[::-1]
    return np.asarray(10 * np.log10(np.maximum(energy / energy[0], 1e-12)))


def _cut(response: Audio, floor: float = -60.0) -> Audio:
    """Without the end whose energy is below ``floor`` dB of the total: it costs time and is not heard."""
    return response[: int(np.count_nonzero(decay_curve(response) > floor))]
