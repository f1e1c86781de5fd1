"""Measure the speed and print a table of ratios, each against a named baseline in the same run.

    python -m tests.perf [SUBJECT ...] [--repeat 5] [--threads 1] [--reference CHECKOUT] [--quick]

A subject is a file of this folder with a function ``measure``. With ``--reference``, a checkout of sp-uhh/storm, its
network is measured beside ours, turn by turn. ``--quick`` only tries whether everything runs.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from bench.run.machine import local_cores
from bench.run.manifest import machine
from tests.perf.table import Options, Ratio, markdown


def subjects() -> list[str]:
    """The files that measure something."""
    here = [module.name for module in iter_modules([str(Path(__file__).parent)]) if not module.name.startswith("_")]
    return [name for name in here if hasattr(import_module(f"tests.perf.{name}"), "measure")]


def measured(names: list[str], options: Options) -> Iterator[Ratio]:
    """Every subject's lines, each as soon as it is known."""
    for name in names:
        yield from import_module(f"tests.perf.{name}").measure(options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"of {', '.join(subjects())}; all by default")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--reference", type=Path, help="a checkout of sp-uhh/storm")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if unknown := set(given.subjects) - set(subjects()):
        parser.error(f"no subject {', '.join(sorted(unknown))}; there are {', '.join(subjects())}")
    options = Options(1 if given.quick else given.repeat, given.threads, given.reference, given.quick)
    ratios = []
    for ratio in measured(given.subjects or subjects(), options):
        print(*ratio.cells(), sep=" | ", flush=True)
        ratios.append(ratio)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    print(f"\n{machine()['cpu']}, {local_cores()} cores, {options.threads} used; commit {commit.stdout.strip()}\n")
    print(markdown(ratios))


if __name__ == "__main__":
    main()
