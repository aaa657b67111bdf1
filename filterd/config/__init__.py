"""Configuration: reads the file (raw) into typed settings, and the policies directory into documents."""
