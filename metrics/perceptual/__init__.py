"""Models of what listeners would say."""
