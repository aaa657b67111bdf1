# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Atomic words for memory that threads without the GIL share: C11's memory model, by compiler builtins.

Loads acquire and stores release, each word: on x86-64 both are plain moves, and a sequence lock built from
them needs no fence (which thread sanitizers do not understand). The RMW operations acquire and release.

``fence`` is for the one order that they do not give, a store before a later load: epoch.pyx. What a thread
sanitizer must know of it is said by the words around it, since it does not follow fences.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef extern from *:
    """
    static inline uint64_t filterd_load64(const uint64_t *at) {
        return __atomic_load_n(at, __ATOMIC_ACQUIRE);
    }
    static inline void filterd_store64(uint64_t *at, uint64_t word) {
        __atomic_store_n(at, word, __ATOMIC_RELEASE);
    }
    static inline uint32_t filterd_load32(const uint32_t *at) {
        return __atomic_load_n(at, __ATOMIC_ACQUIRE);
    }
    static inline void filterd_store32(uint32_t *at, uint32_t word) {
        __atomic_store_n(at, word, __ATOMIC_RELEASE);
    }
    static inline void *filterd_load_pointer(const void *at) {
        return __atomic_load_n((void *const *)at, __ATOMIC_ACQUIRE);
    }
    static inline void filterd_store_pointer(void *at, const void *pointer) {
        __atomic_store_n((const void **)at, pointer, __ATOMIC_RELEASE);
    }
    static inline uint8_t filterd_load8(const uint8_t *at) {
        return __atomic_load_n(at, __ATOMIC_RELAXED);
    }
    static inline void filterd_store8(uint8_t *at, uint8_t byte) {
        __atomic_store_n(at, byte, __ATOMIC_RELAXED);
    }
    static inline void filterd_add64(uint64_t *at, uint64_t by) {
        __atomic_fetch_add(at, by, __ATOMIC_RELAXED);
    }
    static inline void filterd_add32(uint32_t *at, uint32_t by) {
        __atomic_fetch_add(at, by, __ATOMIC_RELAXED);
    }
    static inline void filterd_bump64(uint64_t *at) {
        __atomic_store_n(at, __atomic_load_n(at, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
    }
    static inline uint64_t filterd_take64(uint64_t *at) {
        return __atomic_exchange_n(at, 0, __ATOMIC_RELAXED);
    }
    static inline int filterd_swap64(uint64_t *at, uint64_t expected, uint64_t wanted) {
        return __atomic_compare_exchange_n(at, &expected, wanted, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
    static inline void filterd_fence(void) {
    #if !defined(__SANITIZE_THREAD__)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    #elif defined(__x86_64__)
        __asm__ __volatile__("mfence" ::: "memory");  /* GCC warns of a fence under TSan */
    #else
        __sync_synchronize();
    #endif
    }
    static inline void filterd_relax(void) {
    #if defined(__x86_64__)
        __builtin_ia32_pause();
    #elif defined(__aarch64__)
        __asm__ __volatile__("yield");
    #endif
    }
    """
    uint64_t load64 "filterd_load64"(const uint64_t* at) noexcept nogil
    void store64 "filterd_store64"(uint64_t* at, uint64_t word) noexcept nogil
    uint32_t load32 "filterd_load32"(const uint32_t* at) noexcept nogil
    void store32 "filterd_store32"(uint32_t* at, uint32_t word) noexcept nogil
    void* load_pointer "filterd_load_pointer"(const void* at) noexcept nogil     # at: where the pointer is
    void store_pointer "filterd_store_pointer"(void* at, const void* pointer) noexcept nogil
    uint8_t load8 "filterd_load8"(const uint8_t* at) noexcept nogil
    void store8 "filterd_store8"(uint8_t* at, uint8_t byte) noexcept nogil
    void add64 "filterd_add64"(uint64_t* at, uint64_t by) noexcept nogil
    void add32 "filterd_add32"(uint32_t* at, uint32_t by) noexcept nogil
    # By the one thread that writes it: others read at any time.
    void bump64 "filterd_bump64"(uint64_t* at) noexcept nogil
    # What it held; it holds zero from then on.
    uint64_t take64 "filterd_take64"(uint64_t* at) noexcept nogil
    bint swap64 "filterd_swap64"(uint64_t* at, uint64_t expected, uint64_t wanted) noexcept nogil
    void fence "filterd_fence"() noexcept nogil        # all before it, stores too, comes before all behind it
    void relax "filterd_relax"() noexcept nogil        # in a loop that waits for another thread
