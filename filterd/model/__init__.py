"""The words of the project: frozen values and enums, no I/O. Everything else may import this package."""
