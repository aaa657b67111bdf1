"""The block page: rendered once, served from memory, under whatever host name a blocked client asks for."""
