"""Rows, the folder that holds them, and merging of folders."""
