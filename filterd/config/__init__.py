"""Configuration: what the file says (raw), made into typed settings; and the policies directory, read."""
