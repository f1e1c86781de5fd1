"""Speech enhancement metrics behind one contract; usable as a library on numpy alone."""

from metrics.base import METRICS, Metric, create

__all__ = ["METRICS", "Metric", "create"]
