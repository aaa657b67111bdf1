"""Reviews: anyone asks, without an account, that a site be looked at again."""
