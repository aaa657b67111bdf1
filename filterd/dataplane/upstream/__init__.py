"""Forwarding to upstream resolvers: who is asked, how an answer is known to be one, what comes back.

    resolve(question)
      -> one task per question, however many wait for it      forwarder
      -> servers in order of their health                     health
      -> UDP from a fresh port, TCP where cut                 network
      -> matched by address, id and question, OPT taken off   message
      -> UpstreamAnswer | UpstreamFailure                     values

What comes back is unfiltered and the same for all who asked; each client's policy is applied afterwards.
"""
