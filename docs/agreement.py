"""Whether the demo ranks systems as real recordings do: ``python docs/agreement.py RUN ...``, or ``make agreement``.

Prints the tables of ``docs/demo.md`` from the rows of runs on ``demo_full`` and on a dataset labelled ``real``. A
system counts where it has scores of every recording of both.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

DEMO, REAL = "demo_full", "real"
METRICS = {"pesq": ("PESQ", 2), "estoi": ("ESTOI", 3), "si_sdr": ("SI-SDR", 1), "dnsmos": ("DNSMOS", 2)}
"""Labels, and how many decimals are printed."""

ORDERED = {"noisy < logmmse < gtcrn": ("pesq", "si_sdr", "dnsmos"), "dtln < dfn3": ("pesq", "dnsmos")}
"""What holds on real recordings, by which metrics."""


def read(runs: list[str]) -> pd.DataFrame:
    """The rows of all runs, with the column ``system``."""
    rows = pd.concat([pd.read_csv(Path(run) / "rows.csv", low_memory=False) for run in runs])
    steps = rows["steps"].map(lambda n: "" if pd.isna(n) else f", N = {n:g}")
    rows["system"] = "`" + rows["method"] + "`" + steps
    scored = rows.dropna(subset=list(METRICS)).drop_duplicates(["dataset", "system", "utterance"])
    counts = scored.pivot_table(index="system", columns="dataset", values="pesq", aggfunc="size")
    return scored[scored["system"].isin(counts.index[(counts == counts.max()).all(axis=1)])]


def means(rows: pd.DataFrame) -> pd.DataFrame:
    """A row per system, a column per metric."""
    return rows.groupby("system")[list(METRICS)].mean()


def balanced(rows: pd.DataFrame) -> pd.DataFrame:
    """The same with the same weight for every type of noise."""
    return rows.groupby(["tag_noise_type", "system"])[list(METRICS)].mean().groupby("system").mean()


def cells(scores: pd.Series) -> str:
    return " / ".join(f"{scores[metric]:.{decimals}f}" for metric, (_, decimals) in METRICS.items())


def correlations(here: pd.DataFrame, there: pd.DataFrame) -> str:
    """Of the systems' means, by Spearman and by Kendall."""
    return " | ".join(
        " / ".join(f"{here[metric].corr(there[metric], method=method):.2f}" for method in ("spearman", "kendall"))
        for metric in METRICS
    )


def main(runs: list[str]) -> None:
    rows = read(runs)
    here, there = means(rows[rows["dataset"] == DEMO]), means(rows[rows["dataset"] == REAL])
    labels = [label for label, _ in METRICS.values()]
    print(f"| {len(here)} systems: {' / '.join(labels)} | {DEMO} | {REAL} |\n|---|---|---|")
    for system in here.sort_values("dnsmos", ascending=False).index:
        print(f"| {system} | {cells(here.loc[system])} | {cells(there.loc[system])} |")
    print(f"\n| Spearman / Kendall | {' | '.join(labels)} |\n|---|" + "--:|" * len(labels))
    print(f"| all recordings | {correlations(here, there)} |")
    print(f"| types of noise weighted alike | {correlations(here, balanced(rows[rows['dataset'] == REAL]))} |\n")
    for order, metrics in ORDERED.items():
        systems = [f"`{name}`" for name in order.split(" < ")]
        for metric in metrics:
            holds = {
                name: scores.loc[systems, metric].is_monotonic_increasing
                for name, scores in ((DEMO, here), (REAL, there))
            }
            print(f"{order} in {METRICS[metric][0]}: {', '.join(f'{name} {answer}' for name, answer in holds.items())}")


if __name__ == "__main__":
    main(sys.argv[1:] or sys.exit(__doc__))
