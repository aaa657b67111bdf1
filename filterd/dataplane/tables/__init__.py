"""Tables of lines, addresses and rates: one writer, readers without a lock."""
