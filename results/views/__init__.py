"""Tables of an analysis: leaderboard, strata, seeds, hallucinations and others."""
