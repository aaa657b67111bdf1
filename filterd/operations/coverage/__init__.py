"""Measures the profiles against lists that others keep: what is blocked of them, and what passes."""
