"""The order of evidence of several NASes, for native code."""
