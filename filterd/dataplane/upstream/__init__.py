"""Forwarding to upstream resolvers: the choice of a server, the exchange with it, the checks on its answer.

    resolve(question)
      -> one task for each question, however many wait        forwarder
      -> servers one after the other, hedged, within limits   race
      -> in the order of their condition                      health, latency
      -> each with the features that it supports              peer, capabilities
      -> UDP from a fresh port; TCP if truncated; or TLS      network, streams
      -> matched by address, id and question; OPT removed     message
      -> UpstreamAnswer | UpstreamFailure                     model
    meanwhile: native threads ask upstreams by themselves     health_sharing, thread_route
    meanwhile: does a server answer, does it lead to us?      probes

The answer is unfiltered and the same for all who asked; each client's policy is applied afterwards.
"""
