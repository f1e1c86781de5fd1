"""What every package may import; imports nothing of ours."""
