"""By how much bfloat16 changes the scores: every method with embedded weights, by N, on the demo.

    python -m tests.perf.precision [--runs FOLDER] [--steps 1 3 10] [--limit 12]

Both precisions are methods of one run, so the noise is the same; the same command continues it. The mean of the paired
differences (bfloat16 less float32) and the largest, over the recordings.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from bench.conf.compose import compose
from bench.run.benchmark import run
from results.store.folder import Store
from results.store.rows import Key, Row

METHODS = ("ncsnpp_m", "sgmse_m", "refinement", "storm")
METRICS = ("pesq", "estoi", "si_sdr")
HALF = "_bfloat16"


def differences(rows: dict[Key, Row], metric: str) -> dict[tuple[str, int | None], list[float]]:
    """bfloat16 less float32, by method and N, of the recordings with both scores."""
    found: dict[tuple[str, int | None], list[float]] = {}
    for key, row in rows.items():
        if key.method.endswith(HALF):
            other = rows.get(Key(key.dataset, key.method.removesuffix(HALF), key.steps, key.seed, key.utterance))
            pair = [one.scores[metric].value for one in (row, other) if one is not None and metric in one.scores]
            if len(pair) == 2 and pair[0] is not None and pair[1] is not None:
                found.setdefault((key.method.removesuffix(HALF), key.steps), []).append(pair[0] - pair[1])
    return found


def table(rows: dict[Key, Row]) -> Iterator[str]:
    """The lines of a Markdown table."""
    yield "| method | N | recordings | " + " | ".join(f"{metric}, mean (largest)" for metric in METRICS) + " |"
    yield "|" + " --- |" * (3 + len(METRICS))
    columns = [differences(rows, metric) for metric in METRICS]
    for method, steps in sorted(columns[0], key=lambda system: (METHODS.index(system[0]), system[1] or 0)):
        cells = []
        for column in columns:
            values = column[method, steps]
            cells.append(f"{sum(values) / len(values):+.4f} ({max(values, key=abs):+.4f})")
        yield f"| {method} | {steps or '-'} | {len(columns[0][method, steps])} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("results/runs"))
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 3, 10])
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--workers", type=int, default=None)
    given = parser.parse_args()
    methods = [
        {"name": name, "precision": precision, "label": name + suffix}
        for name in METHODS
        for precision, suffix in (("float32", ""), ("bfloat16", HALF))
    ]
    asked = {"run": "precision", "runs_dir": str(given.runs), "methods": methods, "metrics": list(METRICS)}
    settings = {**compose("run", []), **asked, "steps": given.steps, "limit": given.limit, "workers": given.workers}
    folder = run(settings).folder
    with Store(folder) as store:
        print("\n".join(table(store.rows())))


if __name__ == "__main__":
    main()
