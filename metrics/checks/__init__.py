"""Whether audio is what it is taken for, before it is scored: cheap checks of levels, band and alignment.

What is found stands in ``Row.findings``; ``bench.core.findings`` has the names, units and thresholds.
"""
