"""Screening, statistics and the report of a listening test."""
