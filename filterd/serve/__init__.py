"""The two processes and their supervisor: the only place where the parts are wired together."""
