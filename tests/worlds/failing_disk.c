/* Preloaded into a process: writes and syncs of files whose path begins with FAILING_DISK fail with EIO once a
 * file of that name with ".fails" behind it stands there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fails(int descriptor) {
    char link[64], path[4096], mark[4096];
    const char *prefix = getenv("FAILING_DISK");
    int saved = errno, found = 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = prefix ? readlink(link, path, sizeof path - 1) : -1;
    if (length > 0) {
        path[length] = 0;
        snprintf(mark, sizeof mark, "%s.fails", prefix);
        found = !strncmp(path, prefix, strlen(prefix)) && !access(mark, F_OK);
    }
    errno = found ? EIO : saved;
    return found;
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name)) dlsym(RTLD_NEXT, #name)

ssize_t write(int descriptor, const void *data, size_t size) {
    REAL(write);
    return fails(descriptor) ? -1 : real(descriptor, data, size);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t at) {
    REAL(pwrite);
    return fails(descriptor) ? -1 : real(descriptor, data, size, at);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t at) {
    REAL(pwrite64);
    return fails(descriptor) ? -1 : real(descriptor, data, size, at);
}

int fsync(int descriptor) {
    REAL(fsync);
    return fails(descriptor) ? -1 : real(descriptor);
}

int fdatasync(int descriptor) {
    REAL(fdatasync);
    return fails(descriptor) ? -1 : real(descriptor);
}
