"""The tables of ``docs/family.md``: see ``make family``.

    python docs/family.py recordings FOLDER --speech FOLDER --noise FOLDER [--seed 2] [--count 12]
    python docs/family.py table RUN

``recordings`` writes validation recordings, ``noisy/`` and ``clean/``: mixtures as a training draws them, of the
speakers and noise recordings that ``bench train`` holds out of these folders, 30 % of them in simulated rooms.
``table`` prints what a run on them says of each system: paired differences from ``noisy`` with bootstrap intervals
over recordings.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.core import audio
from bench.datasets.recipes.training_pairs import SAMPLE_RATE, TrainingMixtures
from results.statistics.analysis import Analysis, Options, analyse
from results.store.folder import Store

LONGEST = 2
"""Seconds of a recording; the rest of a longer one is left out, to save time."""

METRICS = {"si_sdr": ("SI-SDR (dB)", 1), "estoi": ("ESTOI", 3), "pesq": ("PESQ", 2)}
"""Labels, and how many decimals are printed."""

STEPS = {"": 3, "crp": 1, "udiffse": 10, "sips": 10}
"""N in the second table; ``""``: of the others."""


def write(folder: Path, speech: str, noise: str, seed: int, count: int, reverb_share: float) -> None:
    """Validation recordings of real speech and noise, the same for the same folders and seed."""
    own = {"speech_dirs": [speech], "noise_dirs": [noise]}
    pairs = TrainingMixtures("valid", count, seed, reverb_share=reverb_share, real_share=1, **own)
    for index in range(count):
        for kind, samples in zip(("clean", "noisy"), pairs[index], strict=True):
            audio.write(folder / kind / f"{index:03}.wav", samples[: LONGEST * SAMPLE_RATE], SAMPLE_RATE)


def gains(analysis: Analysis, metric: str) -> dict[tuple[str, int | None], str]:
    """Each system's difference from ``noisy`` by a metric, with its interval, by method and N."""
    systems, found = analysis.panel.systems, {}
    base = next(number for number, system in enumerate(systems) if system.method == "noisy")
    for pair in analysis.comparisons[metric]:
        if base in (pair.first, pair.second):
            sign = 1 if pair.second == base else -1
            ends = sorted((sign * pair.low, sign * pair.high))
            d = METRICS[metric][1]
            system = systems[pair.first if sign == 1 else pair.second]
            text = f"{sign * pair.difference:+.{d}f} [{ends[0]:+.{d}f}, {ends[1]:+.{d}f}]"
            found[system.method, system.steps] = text
    return found


def over_steps(analysis: Analysis) -> str:
    """SI-SDR over the noisy recordings', a line for each method that takes steps and a column for each N."""
    systems = [system for system in analysis.panel.systems if system.steps is not None]
    steps = sorted({system.steps for system in systems if system.steps is not None})
    found = gains(analysis, "si_sdr")
    lines = [f"| SI-SDR, dB over `noisy` | {' | '.join(f'N = {n}' for n in steps)} |", "|---" * (len(steps) + 1) + "|"]
    lines += [
        f"| `{method}` | {' | '.join(found.get((method, n), '') for n in steps)} |"
        for method in dict.fromkeys(system.method for system in systems)
    ]
    return "\n".join(lines)


def by_metric(analysis: Analysis) -> str:
    """Every system by every metric; those that take steps at ``STEPS``, which was not chosen by these scores."""
    found = {metric: gains(analysis, metric) for metric in METRICS}
    labels = " | ".join(label for label, _ in METRICS.values())
    lines = [f"| over `noisy` | N | network calls | {labels} |", "|---|--:|--:|" + "---|" * len(METRICS)]
    for summary in analysis.summaries:
        method, steps = summary.system.method, summary.system.steps
        if method != "noisy" and steps in (None, STEPS.get(method, STEPS[""])):
            scores = " | ".join(found[metric][method, steps] for metric in METRICS)
            lines.append(f"| `{method}` | {steps or ''} | {summary.nfe:g} | {scores} |")
    return "\n".join(lines)


def table(run: Path) -> None:
    for analysis in analyse(Store(run).rows().values(), options=Options(cluster=None)):
        means = next(summary for summary in analysis.summaries if summary.system.method == "noisy").metrics
        told = ", ".join(f"{label} {means[name].mean:.{d}f}" for name, (label, d) in METRICS.items())
        print(f"{analysis.size}; `noisy`: {told}\n\n{over_steps(analysis)}\n\n{by_metric(analysis)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    recordings = commands.add_parser("recordings")
    recordings.add_argument("folder", type=Path)
    recordings.add_argument("--speech", required=True)
    recordings.add_argument("--noise", required=True)
    recordings.add_argument("--seed", type=int, default=2)
    recordings.add_argument("--count", type=int, default=12)
    recordings.add_argument("--reverb-share", type=float, default=0.3)
    commands.add_parser("table").add_argument("run", type=Path)
    given = parser.parse_args()
    if given.command == "table":
        table(given.run)
    else:
        write(given.folder, given.speech, given.noise, given.seed, given.count, given.reverb_share)


if __name__ == "__main__":
    main()
