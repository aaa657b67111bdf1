"""The sockets on which clients and operators reach the resolver, and its checks of itself."""
