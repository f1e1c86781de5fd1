"""Tables of several runs: what changed between two, the paper's, ranks over datasets and metrics."""
