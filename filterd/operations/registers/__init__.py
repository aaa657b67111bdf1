"""Registers of authorities: their documents are taken in, their items judged, put in force, and answered."""
