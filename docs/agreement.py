"""Whether the demo ranks systems as real recordings do: ``python docs/agreement.py LEADERBOARD.csv [REAL [DEMO]]``.

Prints the table and the rank correlations of ``docs/demo.md`` from a leaderboard on both (``make agreement``).
"""

from __future__ import annotations

import sys

import pandas as pd

METRICS = {"pesq": "PESQ", "estoi": "ESTOI", "si_sdr": "SI-SDR", "dnsmos": "DNSMOS"}
DIGITS = {"pesq": 2, "estoi": 3, "si_sdr": 1, "dnsmos": 2}

ORDERED = {
    "noisy < logmmse < gtcrn": ("pesq", "si_sdr", "dnsmos"),
    "dtln < dfn3": ("pesq", "dnsmos"),
}
"""What holds on real recordings, by which metrics."""


def means(leaderboard: str, dataset: str) -> pd.DataFrame:
    """A row per system, a column per metric."""
    rows = pd.read_csv(leaderboard).query("dataset == @dataset")
    if rows.empty:
        sys.exit(f"{leaderboard}: no dataset '{dataset}'")
    steps = rows["steps"].map(lambda n: "" if pd.isna(n) else f", N = {n:g}")
    rows.index = pd.Index("`" + rows["method"] + "`" + steps, name="system")
    return rows[[f"{metric}_mean" for metric in METRICS]].set_axis(list(METRICS), axis=1)


def cells(scores: pd.Series) -> str:
    return " / ".join(f"{scores[metric]:.{digits}f}" for metric, digits in DIGITS.items())


def holds(order: str, scores: pd.Series) -> bool:
    return bool(scores.loc[[f"`{name}`" for name in order.split(" < ")]].is_monotonic_increasing)


def main(leaderboard: str, real: str = "real", demo: str = "demo_full") -> None:
    there, here = means(leaderboard, real), means(leaderboard, demo)
    there = there.loc[here.index]
    print(f"| {len(here)} systems: {' / '.join(METRICS.values())} | {demo} | {real} |\n|---|---|---|")
    for system in here.sort_values("dnsmos", ascending=False).index:
        print(f"| {system} | {cells(here.loc[system])} | {cells(there.loc[system])} |")
    print("\n| rank correlation | Spearman | Kendall |\n|---|--:|--:|")
    for metric, label in METRICS.items():
        spearman, kendall = (here[metric].corr(there[metric], method=method) for method in ("spearman", "kendall"))
        print(f"| {label} | {spearman:.2f} | {kendall:.2f} |")
    print()
    for order, metrics in ORDERED.items():
        for metric in metrics:
            answers = {demo: holds(order, here[metric]), real: holds(order, there[metric])}
            print(
                f"- {order} in {METRICS[metric]}: "
                + ", ".join(f"{k} {'yes' if v else 'no'}" for k, v in answers.items())
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
