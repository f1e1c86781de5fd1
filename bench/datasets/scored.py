"""What a run scores of a dataset where it names no metrics, and why it leaves out what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Entry = str | Mapping[str, Any]
"""A metric's name, or ``{name: ..., option: ...}``, as in ``metrics`` of ``bench run``."""

USUAL: tuple[Entry, ...] = ("pesq", "estoi", "si_sdr", "dnsmos")
"""Of recordings with a reference."""

BLIND: tuple[Entry, ...] = ("dnsmos", "dnsmos_sig", "dnsmos_bak", "dnsmos_p808")
"""Of recordings without one."""


@dataclass(frozen=True)
class Scored:
    """The metrics of a dataset.

    Attributes:
        metrics: what is scored.
        left_out: why others are not, by their names.
        published: the options that a metric's published values have, by its name.
    """

    metrics: tuple[Entry, ...] = USUAL
    left_out: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def by_reference_and_rate(metrics: Sequence[Entry], reference: bool, rates: Sequence[int]) -> Scored:
    """Of ``metrics`` what is defined: blind judges where there is no reference, PESQ by the rate in Hz.

    P.862.2 defines wide-band PESQ at 16 kHz, P.862.1 its narrow-band form at 8 kHz; at other rates it is that of a
    resampled copy, which says nothing of the band above.
    """
    if not reference:
        undefined = [name_of(entry) for entry in (*USUAL, *metrics) if entry not in BLIND]
        return Scored(BLIND, dict.fromkeys(undefined, "there is no reference"))
    if "pesq" not in metrics or set(rates) <= {16000}:
        return Scored(tuple(metrics))
    if set(rates) <= {8000}:
        chosen = tuple("pesq_nb" if entry == "pesq" else entry for entry in metrics)
        return Scored(chosen, {"pesq": "its wide band is defined at 16 kHz; at 8 kHz it is pesq_nb"})
    without = tuple(entry for entry in metrics if entry != "pesq")
    at = "/".join(f"{rate / 1000:g}" for rate in rates)
    return Scored(without, {"pesq": f"defined at 8 and 16 kHz; at {at} kHz it would be that of a resampled copy"})


def name_of(entry: Entry) -> str:
    """The metric of an entry."""
    return entry if isinstance(entry, str) else str(entry["name"])


def told(options: Mapping[str, Any]) -> str:
    """Options as they are written in a configuration."""
    shown = {key: f"{{{told(value)}}}" if isinstance(value, Mapping) else value for key, value in options.items()}
    return ", ".join(f"{key}: {value}" for key, value in shown.items())
