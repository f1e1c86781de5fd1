"""What is compared, on which clips, under which names."""
