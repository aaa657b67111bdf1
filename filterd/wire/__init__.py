"""The DNS wire format, sans-IO. The hot parts (codec, respond) are native, with plain references."""
