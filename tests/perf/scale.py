"""The whole of ``bench run`` over methods and metrics that cost nothing: what the orchestration itself takes.

    python -m tests.perf.scale --cells 100000 --workers 0

prints a line of JSON: cells per second, by the clock and by the driver's CPU time (with ``--workers 0`` all of it),
seconds of tables and figures, the log's bytes per cell, and the driver's memory in MB when the cells are planned, when
they are computed, and at its highest, tables and figures included. ``docs/scale.md`` extrapolates from
such lines (``tests/perf/extrapolate.py``).
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil

from bench.conf.compose import compose
from bench.run import benchmark
from tests.perf import free  # noqa: F401 (registers what costs nothing)

STEPS = list(range(1, 11))
"""Ten cells per recording."""


def simulate(cells: int, workers: int, runs_dir: Path) -> dict[str, float]:
    """Run and measure; see the module."""
    config = compose("run", [f"runs_dir={runs_dir}", "run=free", f"workers={workers}", "keep_audio=none"])
    asked = {"methods": ["free"], "metrics": ["free"], "datasets": [{"name": "free", "count": cells // len(STEPS)}]}
    found: dict[str, float] = {"cells": cells, "workers": workers, "imported_mb": memory()}

    def timed(execute: Callable[..., None]) -> Callable[..., None]:
        def run(*arguments: Any) -> None:
            found["planned_mb"], started, cpu = memory(), time.perf_counter(), time.process_time()
            execute(*arguments)
            found["cells_per_second"] = cells / (time.perf_counter() - started)
            found["cells_per_cpu_second"] = cells / (time.process_time() - cpu)
            found["computed_mb"], found["computed"] = memory(), time.process_time()

        return run

    started = time.perf_counter()
    with patch.object(benchmark, "execute", timed(benchmark.execute)), redirect_stdout(io.StringIO()):
        result = benchmark.run({**config, **asked, "steps": STEPS, "measure_cost": False, "device": "cpu"})
    found["seconds"] = time.perf_counter() - started
    found["tables_cpu_seconds"] = time.process_time() - found.pop("computed")
    found["highest_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    found["bytes_per_cell"] = (result.folder / "rows.jsonl").stat().st_size / cells
    assert result.computed == cells and not result.failures, result.reasons()
    return found


def memory() -> float:
    """This process's resident memory in MB."""
    return float(psutil.Process().memory_info().rss / 1e6)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=0)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = simulate(given.cells, given.workers, Path(folder))
        print(json.dumps({name: round(value, 1) for name, value in found.items()}))


if __name__ == "__main__":
    main()
