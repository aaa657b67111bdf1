"""Looks for everything that is wrong with an installation and its machine, and writes nothing."""
