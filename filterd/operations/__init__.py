"""The use cases, one module each: the command line calls these, and never the store."""
