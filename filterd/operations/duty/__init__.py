"""The duty desk: roster, requests of authorities, hand-overs, and everything that is due."""
