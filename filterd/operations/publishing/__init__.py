"""Lists of one's own for others: signed editions, and comparison of digests between providers."""
