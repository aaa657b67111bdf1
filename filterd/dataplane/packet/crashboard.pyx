# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

import fcntl
import mmap
import os

from libc.stdint cimport uint8_t
from libc.string cimport memcpy, memset

from filterd.dataplane.tables.atomics cimport load32, store32
from filterd.dataplane.packet.plain cimport PLAIN_QUERY, PLAIN_REFUSED, plain_query
from filterd.policy.fingerprint cimport Fingerprint, packed, unpacked

cdef enum:
    MAGIC = 0x4652435452444631
    HEADER = 12


cdef int board_take(const Board* board, Note* note, const uint8_t* packet, size_t length, uint8_t* out,
                    size_t* written) noexcept nogil:
    cdef Fingerprint mark
    cdef size_t question = 0
    cdef int status
    board_mark(board, packet, length, &mark)
    note_begin(note, &mark)
    if not board_is_reduced(board):
        return GUARD_PASS
    if board_killed(board, &mark):
        return GUARD_KILLER
    status = plain_query(packet, length, out, written, &question)
    if status > PLAIN_REFUSED:
        return GUARD_SILENT
    if question:
        board_question_mark(board, out + HEADER, question, &mark)
        if board_killed(board, &mark):
            return GUARD_KILLER
    return GUARD_PLAIN if status == PLAIN_QUERY else GUARD_REFUSED


cdef class CrashBoard:
    """One board, mapped into this process. Marks are keyed hashes of 16 bytes."""

    def __cinit__(self):
        self.board = NULL
        self.descriptor = -1

    def __init__(self, int descriptor):
        cdef uint8_t[::1] bytes_of
        if os.fstat(descriptor).st_size != BOARD_SIZE:
            raise ValueError("the crash board has another size")
        self.memory = mmap.mmap(descriptor, BOARD_SIZE)
        bytes_of = self.memory
        self.board = <Board*> &bytes_of[0]
        if self.board.magic != MAGIC:
            self.board = NULL
            raise ValueError("there is no crash board")
        self.descriptor = descriptor

    @staticmethod
    def make(bytes key not None):
        cdef Board empty
        if len(key) != 16:
            raise ValueError("a key has 16 bytes")
        descriptor = os.memfd_create("filterd-crash-board", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        memset(&empty, 0, sizeof(Board))
        empty.magic = MAGIC
        memcpy(empty.key, <const char*> key, 16)
        try:
            os.ftruncate(descriptor, BOARD_SIZE)
            os.pwrite(descriptor, (<const char*> &empty)[:sizeof(Board)], 0)
            # A smaller one would end whoever reads it.
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
            return CrashBoard(descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def mark(self, bytes packet not None):
        cdef Fingerprint made
        board_mark(self.board, packet, len(packet), &made)
        return packed(&made)

    def question_mark(self, bytes question not None):
        cdef Fingerprint made
        if len(question) > QUESTION_SIZE:
            raise ValueError("a question has at most 260 bytes")
        board_question_mark(self.board, question, len(question), &made)
        return packed(&made)

    def reading(self, bytes question not None):
        cdef Fingerprint made
        if len(question) > QUESTION_SIZE:
            raise ValueError("a question has at most 260 bytes")
        board_question_mark(self.board, question, len(question), &made)
        note_begin(&self.board.notes[READER], &made)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        note_end(&self.board.notes[READER])

    def under_work(self):
        cdef int i
        return [
            (self.board.notes[i].begun, packed(&self.board.notes[i].mark))
            for i in range(NOTES)
            if self.board.notes[i].mark.high or self.board.notes[i].mark.low
        ]

    def note(self, bytes mark not None, int place=0):
        cdef Fingerprint made
        unpacked(mark, &made)
        if not 0 <= place < NOTES:
            raise ValueError("there is no such note")
        note_begin(&self.board.notes[place], &made)

    def wipe(self):
        memset(self.board.notes, 0, sizeof(self.board.notes))

    def blame(self, marks):
        cdef Fingerprint made
        for mark in marks:
            unpacked(mark, &made)
            if not board_killed(self.board, &made):
                self.board.killers[self.board.killers_known % KILLERS] = made
                store32(&self.board.killers_known, self.board.killers_known + 1)
            self.board.packets += 1
        self.board.crashes += 1

    def forgive(self):
        store32(&self.board.killers_known, 0)

    def killed(self, bytes mark not None):
        cdef Fingerprint made
        unpacked(mark, &made)
        return bool(board_killed(self.board, &made))

    @property
    def reduced(self):
        return load32(&self.board.reduced) != 0

    @reduced.setter
    def reduced(self, bint value):
        store32(&self.board.reduced, 1 if value else 0)

    @property
    def crashes(self):
        return self.board.crashes

    @property
    def packets(self):
        return self.board.packets
