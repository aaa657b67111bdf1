/* Preloaded into a process: each fsync and fdatasync takes SLOW_SYNC_US microseconds more than the disk does, like
 * that of a disk which waits for its medium. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void wait_more(void) {
    const char *given = getenv("SLOW_SYNC_US");
    long more = given ? atol(given) : 0;
    struct timespec left = {more / 1000000, more % 1000000 * 1000};
    while (nanosleep(&left, &left)) {
    }
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name)) dlsym(RTLD_NEXT, #name)

int fsync(int descriptor) {
    REAL(fsync);
    int found = real(descriptor);
    wait_more();
    return found;
}

int fdatasync(int descriptor) {
    REAL(fdatasync);
    int found = real(descriptor);
    wait_more();
    return found;
}
