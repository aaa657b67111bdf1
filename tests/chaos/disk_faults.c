/* Faults of a machine, preloaded into a process: writes, syncs, reads and opens below given paths fail or wait,
 * and the clock is wrong.
 *
 * CHAOS_DISK_PATHS: path prefixes with ':' between them, at most SLOTS. CHAOS_DISK: a file of SLOTS times
 * struct slot, mapped, through which tests/chaos/disk_faults.py steers this process while it runs. The layout
 * is repeated there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 2

struct slot {
    volatile int32_t writes; /* errno of a write; 0: it works */
    volatile int32_t partly; /* bytes that still fit before a write fails */
    volatile int32_t syncs;  /* errno of fsync and fdatasync */
    volatile int32_t reads;  /* errno of a read */
    volatile int32_t opens;  /* errno of an open that would make a file */
    volatile int32_t wait;   /* milliseconds that a sync takes */
    volatile int32_t hang;   /* a sync does not end while this is set */
    volatile int32_t met;    /* how often a fault was met */
    volatile int32_t ahead;  /* seconds by which the clock of the process is ahead; of the first slot alone */
};

static struct slot *slots;
static char *prefixes[SLOTS];

__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("CHAOS_DISK"), *paths = getenv("CHAOS_DISK_PATHS");
    if (!file || !paths)
        return;
    int descriptor = open(file, O_RDWR | O_CLOEXEC);
    if (descriptor < 0)
        return;
    char *copy = strdup(paths), *rest = copy;
    for (int at = 0; at < SLOTS && rest; at++)
        prefixes[at] = strsep(&rest, ":");
    void *mapped = mmap(NULL, SLOTS * sizeof(struct slot), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (mapped != MAP_FAILED)
        slots = mapped;
}

static struct slot *slot_of_path(const char *path) {
    if (!slots || !path)
        return NULL;
    for (int at = 0; at < SLOTS; at++)
        if (prefixes[at] && *prefixes[at] && !strncmp(path, prefixes[at], strlen(prefixes[at])))
            return slots + at;
    return NULL;
}

static int is_quiet(void) {
    for (int at = 0; at < SLOTS; at++) {
        struct slot *slot = slots + at;
        if (slot->writes || slot->syncs || slot->reads || slot->opens || slot->wait || slot->hang)
            return 0;
    }
    return 1;
}

static struct slot *slot_of(int descriptor) {
    char link[64], path[4096];
    if (!slots || is_quiet())
        return NULL;
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = saved;
    if (length < 0)
        return NULL;
    path[length] = 0;
    return slot_of_path(path);
}

static void rest(long milliseconds) {
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* How many of `count` bytes may be written; -1 with errno: none. */
static ssize_t room(int descriptor, size_t count) {
    struct slot *slot = slot_of(descriptor);
    if (!slot || !slot->writes)
        return (ssize_t)count;
    slot->met++;
    if (slot->partly > 0 && count > 1) {
        size_t fits = (size_t)slot->partly < count ? (size_t)slot->partly : count - 1;
        slot->partly = 0;
        return (ssize_t)fits;
    }
    errno = slot->writes;
    return -1;
}

ssize_t write(int descriptor, const void *data, size_t count) {
    ssize_t fits = room(descriptor, count);
    return fits < 0 ? -1 : REAL(write)(descriptor, data, (size_t)fits);
}

ssize_t pwrite(int descriptor, const void *data, size_t count, off_t offset) {
    ssize_t fits = room(descriptor, count);
    return fits < 0 ? -1 : REAL(pwrite)(descriptor, data, (size_t)fits, offset);
}

ssize_t pwrite64(int descriptor, const void *data, size_t count, off64_t offset) {
    ssize_t fits = room(descriptor, count);
    return fits < 0 ? -1 : REAL(pwrite64)(descriptor, data, (size_t)fits, offset);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    struct slot *slot = slot_of(descriptor);
    if (slot && slot->writes) {
        slot->met++;
        errno = slot->writes;
        return -1;
    }
    return REAL(writev)(descriptor, parts, count);
}

static int unreadable(int descriptor) {
    struct slot *slot = slot_of(descriptor);
    if (!slot || !slot->reads)
        return 0;
    slot->met++;
    errno = slot->reads;
    return 1;
}

ssize_t read(int descriptor, void *data, size_t count) {
    return unreadable(descriptor) ? -1 : REAL(read)(descriptor, data, count);
}

ssize_t pread(int descriptor, void *data, size_t count, off_t offset) {
    return unreadable(descriptor) ? -1 : REAL(pread)(descriptor, data, count, offset);
}

ssize_t pread64(int descriptor, void *data, size_t count, off64_t offset) {
    return unreadable(descriptor) ? -1 : REAL(pread64)(descriptor, data, count, offset);
}

static int unsynced(int descriptor) {
    struct slot *slot = slot_of(descriptor);
    if (!slot)
        return 0;
    if (slot->wait || slot->hang)
        slot->met++;
    if (slot->wait)
        rest(slot->wait);
    while (slot->hang)
        rest(5);
    if (!slot->syncs)
        return 0;
    slot->met++;
    errno = slot->syncs;
    return 1;
}

int fsync(int descriptor) {
    return unsynced(descriptor) ? -1 : REAL(fsync)(descriptor);
}

int fdatasync(int descriptor) {
    return unsynced(descriptor) ? -1 : REAL(fdatasync)(descriptor);
}

static int shut(const char *path, int flags) {
    struct slot *slot = slot_of_path(path);
    if (!slot || !slot->opens || !(flags & O_CREAT) || !access(path, F_OK))
        return 0;
    slot->met++;
    errno = slot->opens;
    return 1;
}

#define OPEN(name)                                      \
    int name(const char *path, int flags, ...) {        \
        va_list more;                                   \
        va_start(more, flags);                          \
        mode_t mode = va_arg(more, mode_t);             \
        va_end(more);                                   \
        if (shut(path, flags))                          \
            return -1;                                  \
        return REAL(name)(path, flags, mode);           \
    }

OPEN(open)
OPEN(open64)

int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = REAL(clock_gettime)(clock, now);
    if (!done && slots && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += slots->ahead;
    return done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int done = REAL(gettimeofday)(now, zone);
    if (!done && slots)
        now->tv_sec += slots->ahead;
    return done;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result)
        *result = now.tv_sec;
    return now.tv_sec;
}
