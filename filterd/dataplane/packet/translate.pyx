# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from filterd.dataplane.tables.addresses cimport Addresses, AddressSlot, address_find, is_mapped, mapped_prefix
from filterd.wire.codec cimport get32, put32

cdef enum:
    PORTS = 65536
    WORD = 64                   # bits of a MAP prefix at most


cdef bint read_shared(const SharingRule* rule, uint32_t place, uint16_t port, uint8_t* out) noexcept nogil:
    """RFC 7422: the inside address of the port on the outside address number ``place``. False: nobody's."""
    cdef uint64_t line
    cdef uint32_t slot
    if port == 0 or port < rule.first_port:
        return False
    slot = (port - rule.first_port) // rule.ports
    if slot >= rule.places:
        return False
    if rule.kind == RULE_SEQUENTIAL:
        line = <uint64_t>place * rule.places + slot
    else:
        line = slot * rule.outside_count + place
    if line >= rule.inside_count:
        return False
    memcpy(out, mapped_prefix, 12)
    put32(out + 12, <uint32_t>(rule.inside + line))
    return True


cdef bint read_map(const SharingRule* rule, uint32_t place, uint16_t port, uint8_t* out) noexcept nogil:
    """RFC 7597 5.1 and 5.2: the end-user prefix that address and port tell. False: nobody's."""
    cdef uint64_t bits = place
    cdef uint64_t prefix = rule.ipv6
    if rule.psid_bits:
        if port == 0 or (rule.psid_offset and port >> (16 - rule.psid_offset) == 0):
            return False        # the ports below the first block are no one's
        bits = bits << rule.psid_bits | (
            port >> (16 - rule.psid_offset - rule.psid_bits) & ((1 << rule.psid_bits) - 1)
        )
    elif rule.ea_bits < rule.suffix_bits:
        bits >>= rule.suffix_bits - rule.ea_bits        # a line has several addresses
    if rule.ea_bits:
        prefix |= bits << (WORD - rule.ipv6_length - rule.ea_bits)
    put32(out, <uint32_t>(prefix >> 32))
    put32(out + 4, <uint32_t>prefix)
    memset(out + 8, 0, 8)
    return True


cdef int translate(const Sharing* sharing, const uint8_t* client, uint16_t port, uint8_t* out) noexcept nogil:
    cdef const AddressSlot* slot
    cdef const SharingRule* rule
    cdef int32_t at
    cdef uint32_t place
    if not is_mapped(client):
        return TRANSLATED_NOT
    slot = address_find(sharing.prefixes, client, False)
    if slot == NULL:
        return TRANSLATED_NOT
    at = <int32_t>slot.value
    while at >= 0:
        rule = sharing.rules + at
        place = get32(client + 12) - rule.outside
        if rule.kind == RULE_MAP:
            if read_map(rule, place, port, out):
                return TRANSLATED
        elif read_shared(rule, place, port, out):
            return TRANSLATED
        at = rule.following
    return TRANSLATED_NOBODY


# ---- the Python face ----

cdef class SharedAddresses:
    """The rules for outside addresses that lines share; they never change."""

    def __cinit__(self, bytes seed not None, shared, maps):
        self.prefixes = Addresses(seed)
        self.rules = <SharingRule*>calloc(len(shared) + len(maps) + 1, sizeof(SharingRule))
        if self.rules == NULL:
            raise MemoryError
        self.sharing.rules = self.rules
        self.sharing.prefixes = &self.prefixes.table
        for each in shared:
            self._add_shared(each)
        for each in maps:
            self._add_map(each)

    def __dealloc__(self):
        free(self.rules)

    def __len__(self):
        return self.count

    def _add_shared(self, each):
        cdef SharingRule rule
        memset(&rule, 0, sizeof(SharingRule))
        rule.kind = RULE_INTERLEAVED if each.order == "interleaved" else RULE_SEQUENTIAL
        rule.first_port = each.first_port
        rule.ports = each.ports
        rule.places = (PORTS - rule.first_port) // rule.ports
        rule.inside = int(each.inside.network_address)
        rule.inside_count = each.inside.num_addresses
        self.add(each.outside, &rule)

    def _add_map(self, each):
        cdef SharingRule rule
        memset(&rule, 0, sizeof(SharingRule))
        rule.kind = RULE_MAP
        rule.ipv6 = int(each.ipv6.network_address) >> WORD
        rule.ipv6_length = each.ipv6.prefixlen
        rule.ea_bits = each.ea_bits
        rule.suffix_bits = 32 - each.ipv4.prefixlen
        rule.psid_bits = max(each.ea_bits - (32 - each.ipv4.prefixlen), 0)
        rule.psid_offset = each.psid_offset
        self.add(each.ipv4, &rule)

    cdef int add(self, network, SharingRule* rule) except -1:
        """Put the rule behind those with the same outside addresses."""
        cdef bytes address = network.network_address.packed
        cdef int32_t at
        first = self.prefixes.get(address, network.prefixlen)
        rule.outside = int(network.network_address)
        rule.outside_count = network.num_addresses
        rule.following = -1
        self.rules[self.count] = rule[0]
        if first is None:
            self.prefixes.set(address, network.prefixlen, self.count)
        else:
            at = first
            while self.rules[at].following >= 0:
                at = self.rules[at].following
            self.rules[at].following = self.count
        self.count += 1
        return 0

    def translate(self, bytes client not None, uint16_t port):
        cdef uint8_t out[16]
        cdef int status
        if len(client) != 16:
            raise ValueError("a client's address has 16 bytes")
        status = translate(&self.sharing, <const uint8_t*><const char*>client, port, out)
        if status == TRANSLATED_NOT:
            return client
        return (<const char*>out)[:16] if status == TRANSLATED else None
