# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Whose query it is, where a trusted forwarder asks: part of stages 0 and 2, inlined into ``packet.pyx``."""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy, memset

from filterd.dataplane.tables cimport AddressTable, address_find
from filterd.wire.codec cimport Query


cdef inline bint named_by_subnet(const AddressTable* forwarders, const Query* query, const uint8_t* sender,
                                 uint8_t* client) noexcept nogil:
    """Whether the sender is a trusted forwarder with a client subnet (RFC 7871), which then goes back to it.

    A whole address becomes the client's, IPv4 as ::ffff:a.b.c.d; with a shorter one the sender asks for
    itself. The ACL is for the client, whoever that is: who forwards for others need not stand in it.
    """
    if query.ecs_family == 0 or forwarders == NULL or address_find(forwarders, sender, False) == NULL:
        return False
    if query.ecs_family == 1 and query.ecs_prefix == 32:
        memset(client, 0, 10)
        memset(client + 10, 0xFF, 2)
        memcpy(client + 12, query.ecs_address, 4)
    elif query.ecs_family == 2 and query.ecs_prefix == 128:
        memcpy(client, query.ecs_address, 16)
    return True
