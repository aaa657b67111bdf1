"""The response cache: unfiltered upstream answers, shared by all lines."""
