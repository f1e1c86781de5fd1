from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.core.seeds import stable_seed

PARTS = (0, "demo", "fem/01", "storm", 30)


def test_known_values() -> None:
    """Frozen: another value would change every stored run."""
    assert stable_seed(*PARTS) == 5639158684714194991
    assert stable_seed("a") == int("ca978112ca1bbdca", 16) >> 1  # SHA-256 of "a" in FIPS 180 examples


def test_the_same_in_another_process() -> None:
    code = f"from bench.core.seeds import stable_seed; print(stable_seed(*{PARTS!r}))"
    root = Path(__file__).parents[2]
    for salt in ("0", "1"):
        environment = {"PYTHONHASHSEED": salt, "PYTHONPATH": str(root)}
        out = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
        assert int(out.stdout) == stable_seed(*PARTS)


def test_every_part_and_its_place_matter() -> None:
    seeds = {
        stable_seed(*PARTS),
        stable_seed(1, *PARTS[1:]),
        stable_seed(*PARTS[:-1], 31),
        stable_seed(*PARTS[:-1], None),
        stable_seed(*PARTS[::-1]),
        stable_seed("ab", "c"),
        stable_seed("a", "bc"),
        stable_seed("abc"),
    }
    assert len(seeds) == 8


def test_seeds_fill_the_range_torch_takes() -> None:
    seeds = [stable_seed(i) for i in range(1000)]
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert max(seeds) > 0.99 * 2**63
