"""Privacy: how long data is kept and the proof that it is gone, ARCO requests, and breach reports."""
