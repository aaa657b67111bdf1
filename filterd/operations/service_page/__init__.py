"""The public page of the service: its facts, its records, and how what is published differs."""
