"""Sessions: which line has an address at this moment, as RADIUS, DHCP leases and commands tell."""
