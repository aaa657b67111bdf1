"""Sessions in control: the table, what feeds it, the stream to the resolver, and the operator's commands."""
