"""Seeds that depend only on what is computed, not on order, worker or machine.

A clip's noise is drawn from a generator seeded by a stable hash of (run seed, dataset, utterance, method, steps). So a
run with any number of workers, or one that was interrupted and continued, draws the same noise as a serial one.
``hash()`` is salted per process and therefore unsuitable.
"""

from __future__ import annotations

import hashlib


def stable_seed(*parts: object) -> int:
    """A seed in [0, 2**63) from the text of ``parts``, the same on every machine and Python version."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1
