"""The public page of the service: its facts, its records, and the comparison of what is published with them."""
