"""Seeds that depend on what is computed, never on when, where or in which order.

A clip's noise is drawn from a generator seeded by a stable hash of (run seed, dataset, utterance,
method, steps), so that a run spread over any number of workers, killed and continued, draws the
same noise as a serial one. ``hash()`` is salted per process and would not do.
"""

from __future__ import annotations

import hashlib


def stable_seed(*parts: object) -> int:
    """A seed in [0, 2**63) from the text of ``parts``, equal on every machine and Python."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
