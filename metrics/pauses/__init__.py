"""What is left, or was invented, where nobody speaks."""
