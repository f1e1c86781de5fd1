"""Stored scores (rows), their statistics, tables and figures."""
