"""Passkeys of people with a token: registered, asked for an assertion, listed and revoked (WebAuthn)."""
