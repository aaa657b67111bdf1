# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""How events change the table of sessions. The rules stand in ``rules.pyx``."""

from libc.stdint cimport int64_t, uint64_t

from filterd.accounting.event cimport Event
from filterd.accounting.table cimport Table

cdef void table_apply(Table* table, const Event* event) noexcept nogil
# Count the records of the file, and find the last of them; before `table_load`.
cdef void count_records(Table* table, uint64_t* good, uint64_t* damaged) noexcept nogil
# Index what the file holds, drop what is damaged, stale or contradicted.
cdef void table_load(Table* table, int64_t now) noexcept nogil
