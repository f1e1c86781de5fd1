"""Basics that every package may import; imports no other package of this project."""
