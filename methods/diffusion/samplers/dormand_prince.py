"""The Dormand-Prince method of order 5 with an error estimate of order 4, on whatever device the state is on.

Dormand and Prince 1980, "A family of embedded Runge-Kutta formulae", Table 2; step sizes as in Hairer, Norsett and
Wanner, "Solving Ordinary Differential Equations I", Sec. II.4, with the constants of SciPy's ``RK45``, which the StoRM
release uses.
State, time and step size stay on the device. One number is read back a step, that is every six calls of the slope,
to know whether the end is reached.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Slope = Callable[[Tensor, Tensor], Tensor]
"""(time, a scalar tensor; state) -> its derivative."""

A = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
"""The last row is the solution of order 5, whose slope is the next step's first."""

C = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
E = (-71 / 57600, 0.0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40)
"""The solution of order 4 less that of order 5."""

SAFETY, LEAST, MOST = 0.9, 0.2, 10.0
SMALLEST_STEP = 1e-14
"""Of the whole time."""


class Stopped(Exception):
    """The integration cannot go on at ``time``: ``reason`` says why."""

    def __init__(self, time: float, reason: str) -> None:
        super().__init__(f"at t={time:.3g}: {reason}")
        self.time, self.reason = time, reason


def integrate(slope: Slope, x: Tensor, start: float, end: float, rtol: float, atol: float) -> Tensor:
    """The state at time ``end`` from the state ``x`` at ``start``.

    Args:
        x: real or complex; it is summed up in double precision, the slope sees its own type.
        rtol, atol: the tolerance of a step's error, root-mean-square over the state: ``atol + rtol |x|``.

    Raises:
        Stopped: the slope is not finite, or the steps became too short.
    """
    sign, kind, double = (1 if end > start else -1), x.dtype, torch.promote_types(x.dtype, torch.float64)

    def rate(time: Tensor, state: Tensor) -> Tensor:
        return sign * slope(time, state.to(kind)).to(double)

    state = x.to(double)
    time = torch.full((), start, dtype=torch.float64, device=x.device)
    first = rate(time, state)
    step = _first_step(rate, time, state, first, abs(end - start), sign, rtol, atol)
    rejected = torch.zeros((), dtype=torch.bool, device=x.device)
    while True:
        length = torch.minimum(step, (end - time).abs())
        slopes = [first]
        for row, fraction in zip(A, C, strict=True):
            reached = state + length * _weighted(row, slopes)
            slopes.append(rate(time + sign * fraction * length, reached))
        scale = atol + rtol * torch.maximum(state.abs(), reached.abs())
        error = _rms(length * _weighted(E, slopes) / scale)
        accepted = error < 1
        factor = (SAFETY * error**-0.2).clamp(LEAST, MOST)
        step = length * torch.where(rejected | ~accepted, factor.clamp(max=1.0), factor)
        left = torch.where(accepted, (end - time).abs() - length, (end - time).abs())
        state, first = torch.where(accepted, reached, state), torch.where(accepted, slopes[-1], first)
        rejected = ~accepted
        time = end - sign * left
        now, shortest, finite = torch.stack((left, step, error.isfinite().to(step))).tolist()
        if not finite:
            raise Stopped(end - sign * now, "the score is not finite")
        if now <= 0:
            return state.to(kind)
        if shortest < SMALLEST_STEP * abs(end - start):
            raise Stopped(end - sign * now, "its steps became too short")


def _first_step(
    rate: Slope, time: Tensor, state: Tensor, first: Tensor, whole: float, sign: int, rtol: float, atol: float
) -> Tensor:
    """Hairer, Norsett and Wanner's guess, from how fast the state and its slope change; one more call."""
    scale = atol + rtol * state.abs()
    value, speed = _rms(state / scale), _rms(first / scale)
    tiny = torch.full_like(value, 1e-6)
    guess = torch.where((value < 1e-5) | (speed < 1e-5), tiny, 0.01 * value / speed).clamp(max=whole)
    change = _rms((rate(time + sign * guess, state + guess * first) - first) / scale) / guess
    largest = torch.maximum(speed, change)
    step = torch.where(largest <= 1e-15, torch.maximum(tiny, 1e-3 * guess), (0.01 / largest) ** 0.2)
    return torch.minimum(100 * guess, step).clamp(max=whole)


def _weighted(weights: Sequence[float], slopes: Sequence[Tensor]) -> Tensor:
    total = weights[0] * slopes[0]
    for weight, slope in zip(weights[1:], slopes[1:], strict=True):
        if weight:
            total = total.add(slope, alpha=weight)
    return total


def _rms(x: Tensor) -> Tensor:
    return x.abs().square().mean().sqrt()
