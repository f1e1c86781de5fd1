"""Plan, enhance, score, collect: one benchmark run."""
