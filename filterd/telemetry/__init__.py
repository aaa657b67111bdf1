"""Metrics and logs: what is counted elsewhere, made readable."""
