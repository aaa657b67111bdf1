# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from filterd.dataplane.tables.atomics cimport load64, store64, store_pointer
from filterd.dataplane.tables.epoch cimport retire_memory
from filterd.dataplane.fast.miss_ports cimport ports_avoid

import sys
from ipaddress import ip_address
from socket import AF_INET, AF_INET6

from filterd.dataplane.upstream.thread_route import RouteReport


cdef class Tallies:
    """Counts of one thread, by the upstreams' numbers."""

    def __cinit__(self):
        memset(self.hops, 0, sizeof(self.hops))


cdef class Routes:
    """The published route. Published and read with the GIL, by one owner."""

    def __cinit__(self, unsigned int threads, avoided=()):
        self.threads = max(threads, 1)
        self.published, self.numbers, self.tallies = (), {}, []
        memset(&self.silences, 0, sizeof(Silences))
        memset(&self.avoided, 0, sizeof(AvoidedPorts))
        for port in avoided:
            ports_avoid(&self.avoided, port)
        self.shown = new_route()

    def __dealloc__(self):
        free(<void*>self.shown)

    def publish(self, hops):
        cdef tuple wanted = tuple(hops)
        cdef Route* route
        cdef const Route* old = self.shown
        if wanted == self.published:
            return
        for hop in wanted:
            ports_avoid(&self.avoided, hop.port)
        route = new_route()
        try:
            for hop in wanted[:HOPS]:
                number = self._number(hop.name)
                if number is None:
                    break
                fill_hop(hop, number, self.threads, &route.hops[route.count])
                route.count += 1
        except BaseException:
            free(route)
            raise
        store_pointer(<void**>&self.shown, route)
        store64(&self.serial, self.serial + 1)
        self.published = wanted
        retire_memory(<void*>old)

    def _number(self, name):
        """The upstream's number; None: there are none left."""
        number = self.numbers.get(name)
        if number is None and len(self.numbers) < NUMBERS:
            number = self.numbers[name] = len(self.numbers)
        return number

    cdef Tallies join(self):
        """The counts of one more thread."""
        cdef Tallies tallies = Tallies()
        self.tallies.append(tallies)
        return tallies

    def reports(self):
        return {name: report_of(self, number) for name, number in self.numbers.items()}


cdef Route* new_route() except NULL:
    cdef Route* route = <Route*>calloc(1, sizeof(Route))
    if route == NULL:
        raise MemoryError("no memory for the route that threads see")
    return route


cdef int fill_hop(hop, int number, unsigned int threads, Hop* out) except -1:
    cdef bytes address = socket_address(hop.host, hop.port)
    memcpy(out.address, <const char*>address, len(address))
    out.address_length = <uint8_t>len(address)
    out.ipv6 = len(address) == PEER_SIZE
    out.trusted = hop.trusted
    out.mixed_case = hop.mixed_case
    out.edns = hop.edns
    out.number = number
    out.outstanding = max(hop.outstanding // threads, 1)
    return 0


cdef bytes socket_address(host, port):
    """The address as the kernel takes it: sockaddr_in, or sockaddr_in6 without a scope."""
    address = ip_address(host)
    family = AF_INET if address.version == 4 else AF_INET6
    start = family.to_bytes(2, sys.byteorder) + port.to_bytes(2, "big")
    if address.version == 4:
        return start + address.packed + bytes(8)
    return start + bytes(4) + address.packed + bytes(4)


cdef object report_of(Routes routes, int number):
    """The sums of one upstream over all threads, which go on counting."""
    cdef Tallies each
    cdef uint64_t words[WORDS]
    cdef uint64_t word
    cdef int i
    memset(words, 0, sizeof(words))
    for each in routes.tallies:
        for i in range(WORDS):
            word = load64(&each.hops[number].words[i])
            words[i] = words[i] + word if i < W_SUMS else max(words[i], word)
    return RouteReport(
        sent=words[W_SENT],
        answered=words[W_ANSWERED],
        servfail=words[W_SERVFAIL],
        refused=words[W_REFUSED],
        malformed=words[W_MALFORMED],
        timeout=words[W_TIMEOUT],
        unreachable=words[W_UNREACHABLE],
        without_edns=words[W_WITHOUT_EDNS],
        wrong_source=words[W_WRONG_SOURCE],
        wrong_id=words[W_WRONG_ID],
        wrong_question=words[W_WRONG_QUESTION],
        late=words[W_LATE],
        doubted=words[W_DOUBTED],
        case_lost=words[W_CASE_LOST],
        case_kept=words[W_CASE_KEPT],
        edns_refused=words[W_EDNS_REFUSED],
        edns_spoken=words[W_EDNS_SPOKEN],
        heard=words[W_HEARD],
        micros=words[W_MICROS],
        outstanding=words[W_OUTSTANDING],
        heard_at=words[W_HEARD_AT],
        unreachable_at=words[W_UNREACHABLE_AT],
        silent_since=load64(&routes.silences.since[number]),
    )
