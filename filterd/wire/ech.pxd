# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# Encrypted Client Hello (RFC 9849) in SVCB and HTTPS records: the SvcParam `ech`, and how to take it out.
#
# The twin is filterd.wire.ech_reference; the reasons stand in docs/decisions/0200.

from libc.stdint cimport int32_t, uint8_t, uint16_t

from filterd.wire.codec cimport (
    BAD_DATA, OK, TRUNCATED, TYPE_HTTPS, TYPE_RRSIG, TYPE_SVCB, Record, Service, Walk, get16, service_start,
    walk_next, walk_start)

cdef enum SvcParamKey:           # RFC 9460 14.3.2
    KEY_MANDATORY = 0
    KEY_ECH = 5

cdef enum ServiceTypes:          # a set
    NO_SERVICE = 0
    SERVICE_SVCB = 1
    SERVICE_HTTPS = 2

cdef enum:
    MOST_LOOKED_AT = 4096        # bytes of services' data in one answer

cdef struct EchCut:              # what is to be taken out of one record; offsets from the start of its data
    size_t start
    size_t end                   # equal to start: nothing
    bint requires_ech            # a client without ECH ignores the record: all of it goes


cdef inline int service_type(uint16_t rtype) noexcept nogil:
    """The type as a member of ServiceTypes; NO_SERVICE for any other."""
    if rtype == TYPE_HTTPS:
        return SERVICE_HTTPS
    return SERVICE_SVCB if rtype == TYPE_SVCB else NO_SERVICE


cdef inline int signed_service(const Walk* walk, const Record* record) noexcept nogil:
    """The type that the record signs (RFC 4034 3.1.1), where it is an RRSIG of a service; else NO_SERVICE."""
    if record.type != TYPE_RRSIG or record.data_length < 2:
        return NO_SERVICE
    return service_type(get16(walk.message + record.data_offset))


cdef inline bint lists_ech(const uint8_t* keys, size_t size) noexcept nogil:
    """True if the value of `mandatory`, which is keys of two bytes, has `ech`."""
    cdef size_t at = 0
    while at + 2 <= size:
        if get16(keys + at) == KEY_ECH:
            return True
        at += 2
    return False


cdef inline int find_ech(const uint8_t* message, size_t length, const Record* record,
                         EchCut* cut) noexcept nogil:
    """OK, or what is wrong with the record: its target compressed, its parameters cut short or not in
    strictly increasing order (RFC 9460 2.2)."""
    cdef Service service
    cdef size_t offset, size
    cdef int32_t key, last = -1
    cdef bint listed = False
    cdef int status = service_start(message, length, record, &service)
    cut.start = cut.end = 0
    cut.requires_ech = False
    if status != OK:
        return status
    offset = service.offset
    while offset < service.end:
        if service.end - offset < 4:
            return TRUNCATED
        key = get16(message + offset)
        size = get16(message + offset + 2)
        if service.end - offset - 4 < size:
            return TRUNCATED
        if key <= last:
            return BAD_DATA
        last = key
        if key == KEY_MANDATORY:
            listed = lists_ech(message + offset + 4, size)
        elif key == KEY_ECH:
            cut.start = offset - record.data_offset
            cut.end = cut.start + 4 + size
        offset += 4 + size
    if cut.end and service.priority == 0:        # AliasMode: nobody reads any parameter (RFC 9460 2.4.2)
        cut.start = service.offset - record.data_offset
        cut.end = record.data_length
    elif cut.end:
        cut.requires_ech = listed
    return OK


cdef inline int ech_types(const uint8_t* message, size_t length) noexcept nogil:
    """The ServiceTypes of which a record has `ech`, or is damaged, as far as the message can be walked.
    Behind MOST_LOOKED_AT bytes nobody looks, to save time: both types are taken to have it."""
    cdef Walk walk
    cdef Record record
    cdef EchCut cut
    cdef int found = NO_SERVICE, rtype
    cdef size_t left = MOST_LOOKED_AT
    cdef int status = walk_start(message, length, &walk)
    while status == OK:
        status = walk_next(&walk, &record, NULL)
        if status != OK:
            break
        rtype = service_type(record.type)
        if rtype:
            if record.data_length > left:
                return SERVICE_SVCB | SERVICE_HTTPS
            left -= record.data_length
        if rtype and (find_ech(message, length, &record, &cut) != OK or cut.end):
            found |= rtype
    return found
