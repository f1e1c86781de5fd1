"""A static site from many runs: systems ranked over datasets and metrics, and the same for machines."""
