"""filterd beside its peers under load: ``make bench`` (see docs/benchmarks.md)."""
