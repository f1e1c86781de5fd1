"""What is shown of an analysis: leaderboard, strata, seeds, hallucinations."""
