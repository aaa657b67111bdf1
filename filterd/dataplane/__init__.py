"""The data plane: from a packet to its answer, in wings that import only downwards.

``tables <- cache <- packet <- fast <- slow <- listeners``; ``upstream`` is below ``fast``, ``nodestate``
above ``tables``.
"""
