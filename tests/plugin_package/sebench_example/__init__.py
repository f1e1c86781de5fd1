"""A method, a metric and a dataset for sebench, from outside."""
