"""``make run``: a whole installation under build/run with its own small upstream, to explore and try out."""
