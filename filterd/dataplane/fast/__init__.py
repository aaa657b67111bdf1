"""The fast path: threads without the interpreter's lock that serve UDP and forward misses."""
