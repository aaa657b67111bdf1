# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Client subnets, cookies and names of the server: parts of unwrap, parse and admit for ``stages.pyx``."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, memcpy, memset

from filterd.dataplane.tables.addresses cimport AddressTable, address_find
from filterd.wire.codec cimport BADCOOKIE, NOERROR, Name, Query
from filterd.wire.cookie cimport CLIENT_SIZE, CookieSecrets, answer_cookie


cdef inline bint named_by_subnet(const AddressTable* forwarders, const Query* query, const uint8_t* sender,
                                 uint8_t* client, uint16_t* port) noexcept nogil:
    """True if the sender is a trusted forwarder with a client subnet (RFC 7871); the answer echoes it.

    A whole address becomes the client's, IPv4 as ::ffff:a.b.c.d, and nobody knows its port; with a shorter
    one the sender asks for itself. The ACL is for the client, whoever that is: who forwards for others need
    not stand in it.
    """
    if query.ecs_family == 0 or forwarders == NULL or address_find(forwarders, sender, False) == NULL:
        return False
    if query.ecs_family == 1 and query.ecs_prefix == 32:
        memset(client, 0, 10)
        memset(client + 10, 0xFF, 2)
        memcpy(client + 12, query.ecs_address, 4)
        port[0] = 0
    elif query.ecs_family == 2 and query.ecs_prefix == 128:
        memcpy(client, query.ecs_address, 16)
        port[0] = 0
    return True


cdef inline bint check_cookie(const CookieSecrets* secrets, const Query* query, const uint8_t* sender,
                              int64_t now, uint8_t* cookie, bint* valid) noexcept nogil:
    """True if the answer has a cookie, written here. ``valid``: the one sent holds (RFC 7873 5.2)."""
    valid[0] = False
    if query.cookie_length == 0 or secrets.count == 0:
        return False
    valid[0] = answer_cookie(secrets, &query.cookie[0], query.cookie_length, sender, <uint32_t> now, cookie)
    return True


cdef inline uint16_t rcode_for_cookie(const Query* query, bint valid) noexcept nogil:
    """The rcode for a query without a question: it asks for a cookie, or about one (RFC 7873 5.4)."""
    return NOERROR if valid or query.cookie_length == CLIENT_SIZE else BADCOOKIE


cdef inline bint names_server(const Name* name) noexcept nogil:
    """True for id.server and hostname.bind (RFC 4892)."""
    if name.length == 11:
        return memcmp(name.bytes, b"\x02id\x06server\x00", 11) == 0
    return name.length == 15 and memcmp(name.bytes, b"\x08hostname\x04bind\x00", 15) == 0
