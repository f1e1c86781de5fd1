"""What tables, plots and statistics need to know about a metric, without importing it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from results.store.rows import Row

PARADIGMS = ("control", "external", "predictive", "generative", "refinement", "regeneration")
"""The order in which methods are listed; other paradigms follow."""


@dataclass(frozen=True)
class MetricInfo:
    """Label and unit as printed, which way is good (None: neither), and digits after the point (None: by the unit).

    ``version`` is that of the scores that bear the metric's name, and ``name`` the metric's own in the registry, where
    these are known.

    Attributes:
        aspect: what it is about: "quality" as a whole, one "dimension" of it, the "signal", "intelligibility",
            "content", the "speaker" or the "cost"; empty where that is not known.
        intrusive: whether it compares with the clean speech.
        low, high: the ends of its scale, None where it has none. Scores that a network guessed may lie beyond.
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
        """1 where more is better, -1 where less is, 0 where neither."""
        return 0 if self.higher_is_better is None else 1 if self.higher_is_better else -1

    @property
    def arrow(self) -> str:
        """The way that is good; empty where neither is."""
        return ("", "↑", "↓")[self.direction]

    @property
    def heading(self) -> str:
        """Label, unit and the way that is good, on one line."""
        return " ".join(filter(None, [self.label, f"({self.unit})" if self.unit else "", self.arrow]))

    def format(self, value: float) -> str:
        decimals = self.decimals if self.decimals is not None else 1 if self.unit in ("dB", "%") else 2
        return f"{value:.{decimals}f}"


def complete(metrics: Mapping[str, MetricInfo] | None, rows: Iterable[Row]) -> dict[str, MetricInfo]:
    """``metrics`` in their order, then whatever else the rows were scored with under its bare name."""
    scored = dict.fromkeys(chain.from_iterable(row.scores for row in rows))
    return {**(metrics or {}), **{name: MetricInfo(name) for name in scored if name not in (metrics or {})}}
