"""The figures of ``filterd top``: two scrapes of each role, and the rates between them."""
