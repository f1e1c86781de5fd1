"""Rows, their store, and what is made of them: leaderboard and plots."""
