"""A file's hyper-parameters, every one in exactly one of three lists: used, harmless, or refused."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

_WITHOUT_EFFECT = """
add_noise base_dir batch_size dummy dropout ema_decay eval_start format fourier_scale g_weighting_exponent init_scale
l1_weight loss_abs_exponent loss_type loss_type_denoiser loss_type_score loss_weighting lr no_wandb normalize
num_eval_files num_frames num_workers pesq_weight reduce_mean task weighting_denoiser_to_score weighting_exponent

N T_sampling backbone beta_max beta_min c c_in c_out c_skip cd1 centered condition conditional d_feat discriminative
dnn_channels embed_dim enc_dim eps feature_dim fft_num inference_N inference_start input_channels k mode
network_scaling nf output_scale p progressive_combine q resamp_with_conv residue_in_stft return_time sampler_type
scale_by_sigma sde_n sigma_data sigma_max sigma_min spatial_channels sr stiffness t_eps theta transform transform_type
"""
KNOWN = frozenset(_WITHOUT_EFFECT.split())
"""Options of the projects that may be without effect: those of training, and those that another kind of file reads."""


SENSELESS = "its hyper-parameters make no sense:"


class FileSettings:
    """Hyper-parameters as they are read. What is asked for counts as used, and as refused where it cannot be had.

    What is never asked for has no effect on what this file's networks compute, in its project's code either.
    Every reader gives back ``default`` for what is refused, so that all refusals are found, not the first.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)
        self._asked: set[str] = set()
        self._refused: dict[str, str] = {}

    @property
    def used(self) -> dict[str, Any]:
        """Those that say how the networks are run."""
        return {key: value for key, value in self.values.items() if key in self._asked - self._refused.keys()}

    @property
    def harmless(self) -> dict[str, Any]:
        """Those without effect."""
        return {key: value for key, value in self.values.items() if key not in self._asked | self._refused.keys()}

    @property
    def refused(self) -> dict[str, str]:
        """Those that cannot be had, and a clause that names key and value and says what can."""
        return dict(self._refused)

    def refuse(self, key: str, clause: str) -> None:
        """Enter a hyper-parameter as refused."""
        self._asked.add(key)
        self._refused.setdefault(key, clause)

    def value(self, key: str, default: Any = None) -> Any:
        """Whatever it is."""
        self._asked.add(key)
        return self.values.get(key, default)

    def one_of(self, key: str, default: Any, known: Iterable[Any]) -> Any:
        """One of the values that are ``known``; text in any case."""
        value, known = self.value(key, default), tuple(known)
        for candidate in known:
            if value == candidate or (isinstance(value, str) and value.lower() == str(candidate).lower()):
                return candidate
        self.refuse(key, f"trained with {key}={shown(value)}; what is read is {' or '.join(map(str, known))}")
        return default

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        return bool(self.one_of(key, default, (True, False)))

    def name(self, key: str, default: str, known: Iterable[str]) -> str:
        """One of a few names."""
        value, known = self.value(key, default), tuple(known)
        if isinstance(value, str) and value in known:
            return value
        self.refuse(key, f"{SENSELESS} unknown {key} {shown(value)!r}; what is read is {' or '.join(known)}")
        return default

    def number(self, key: str, default: float, least: float, most: float) -> float:
        """A number between two bounds."""
        value = self.value(key, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return float(value)
        self.refuse(key, f"{SENSELESS} {key}={shown(value)}, which is a number from {least:g} to {most:g}")
        return default

    def whole(self, key: str, default: int, least: int, most: int) -> int:
        """A whole number between two bounds."""
        value = self.value(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.refuse(key, f"{SENSELESS} {key}={shown(value)}, which is a whole number from {least} to {most}")
        return default

    def numbers(self, key: str, default: tuple[float, ...], most: int) -> tuple[float, ...]:
        """A list of at most so many finite numbers that add up to something."""
        value = self.value(key, default)
        listed = isinstance(value, list | tuple) and all(type(x) in (int, float) and math.isfinite(x) for x in value)
        if listed and 0 < len(value) <= most and sum(value):
            return tuple(map(float, value))
        self.refuse(
            key, f"trained with {key}={shown(value)}; what is read is a list of up to {most} numbers, not 0 in sum"
        )
        return default


def shown(value: Any) -> str:
    """A value in a line of text: short, whatever it is."""
    text = value if isinstance(value, str) else repr(plain(value))
    text = " ".join(text[:1000].split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def plain(value: Any, depth: int = 2) -> Any:
    """A value as JSON has it, lists for tuples; of what it has not, or is too large for a setting, the kind."""
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and value.bit_length() < 64):
        return value
    if isinstance(value, str):
        return value if len(value) <= 1000 else f"{value[:1000]}..."
    if isinstance(value, list | tuple) and depth and len(value) <= 100:
        return [plain(item, depth - 1) for item in value]
    if isinstance(value, Mapping) and depth and len(value) <= 100:
        return {shown(key): plain(item, depth - 1) for key, item in value.items()}
    return f"<{type(value).__name__}>"
