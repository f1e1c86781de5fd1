"""Intervals, tests and summaries over recordings, speakers and seeds."""
