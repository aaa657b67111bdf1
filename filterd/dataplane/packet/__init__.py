"""One packet in, one answer out: the stages of a query, in the order of ``pipeline``."""
