"""A metric's properties for tables, plots and statistics, available without importing the metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PARADIGMS = (
    *("control", "oracle", "classical", "external"),
    *("predictive", "generative", "refinement", "regeneration"),
)
"""The order in which methods are listed by paradigm; other paradigms follow."""

UNRANKED = frozenset({"control", "oracle"})
"""Paradigms that are no enhancement: the recording itself, and methods that are given the clean reference."""


@dataclass(frozen=True)
class MetricInfo:
    """A metric's label, unit, direction and scale.

    Attributes:
        label, unit: as printed.
        higher_is_better: None if neither direction is better.
        decimals: digits after the point; None: chosen by the unit.
        version: of the scores stored under the metric's name, if known.
        name: in the metrics' registry, if known.
        aspect: what it measures: overall "quality", one "dimension" of it, the "signal", "intelligibility",
            "content", the "speaker" or the "cost"; empty if not known.
        intrusive: whether it needs the clean reference.
        low, high: the bounds of its scale, None where there is none. A network's predictions may lie outside.
    """

    label: str
    unit: str = ""
    higher_is_better: bool | None = True
    decimals: int | None = None
    version: str = ""
    name: str = ""
    aspect: str = ""
    intrusive: bool = True
    low: float | None = None
    high: float | None = None

    @property
    def direction(self) -> int:
        """1 if higher is better, -1 if lower is better, 0 if neither."""
        return 0 if self.higher_is_better is None else 1 if self.higher_is_better else -1

    @property
    def arrow(self) -> str:
        """An arrow in the better direction; empty if there is none."""
        return ("", "↑", "↓")[self.direction]

    @property
    def heading(self) -> str:
        """Label, unit and arrow on one line."""
        return " ".join(filter(None, [self.label, f"({self.unit})" if self.unit else "", self.arrow]))

    def format(self, value: float) -> str:
        decimals = self.decimals if self.decimals is not None else 1 if self.unit in ("dB", "%") else 2
        return f"{value:.{decimals}f}"


def complete(metrics: Mapping[str, MetricInfo] | None, scored: Iterable[str]) -> dict[str, MetricInfo]:
    """``metrics`` in their order, then all others that were ``scored``, with only their names."""
    return {**(metrics or {}), **{name: MetricInfo(name) for name in scored if name not in (metrics or {})}}
