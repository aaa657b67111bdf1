"""``make run``: a whole installation under build/run, with its own small upstream, to look at and try."""
