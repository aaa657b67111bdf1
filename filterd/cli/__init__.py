"""The command line: one file for each group, over the use cases of ``operations``."""
