"""A year in the life of a provider, on a clock that a script moves.

``python -m tests.worlds.year`` runs it (``make year``); docs/year.md tells what happens in it and which
figures come out. Everything goes through the use cases of the product, with a real store, real snapshots and
real nodes that are asked over DNS; only the clock, the authorities' letters and the households are made up.
"""
