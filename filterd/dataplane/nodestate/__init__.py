"""What a node knows without store or control: files on its own disk, and the tail that feeds them."""
