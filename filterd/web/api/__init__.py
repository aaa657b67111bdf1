"""The REST API: its calls, how they are read, and how they are answered."""
