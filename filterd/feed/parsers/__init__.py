"""One module per list format; each turns the lines of a file into runs of rules."""
