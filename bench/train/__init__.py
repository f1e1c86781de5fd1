"""A dataset, a method's loss, and Lightning's loop."""
