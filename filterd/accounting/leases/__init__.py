"""Lease files of DHCP servers: their formats, and the watcher that hands leases over as sessions."""
