"""Forwarding to upstream resolvers: who is asked, how an answer is known to be one, what comes back.

    resolve(question)
      -> one task per question, however many wait for it      forwarder
      -> servers one after the other, hedged, within limits   race, budget
      -> in the order of their condition                      health, latency
      -> each in the manner that it understands               peer, manners
      -> UDP from a fresh port; TCP where cut, or TLS, kept   network, streams
      -> matched by address, id and question, OPT taken off   message
      -> UpstreamAnswer | UpstreamFailure                     values
    meanwhile: what native threads ask by themselves          sharing, shown (outgoing.pxd)
    meanwhile: is a server alive, does it lead back to us?    probes

What comes back is unfiltered and the same for all who asked; each client's policy is applied afterwards.
"""
