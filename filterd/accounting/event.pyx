# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True


cdef class EventSink:
    """Takes accounting events, from any thread and without the GIL. Subclasses set ``take`` and ``context``
    when they are made; until then an event is passed over."""

    def __cinit__(self, *_arguments, **_named):
        self.take = NULL
        self.context = NULL
