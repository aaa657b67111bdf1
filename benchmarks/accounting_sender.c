/* A sender of accounting packets that is faster than their receiver.
 *
 * accounting_sender PORT PACKETS SECONDS WINDOW
 *   PACKETS  a file of entries: length of the packet (16 bits, big-endian), packet; sent in turn to 127.0.0.1
 *   WINDOW   packets without an answer at one time; those that got none within TIMEOUT count as lost
 * Prints one line of JSON: sent, answered, seconds. Bounded: MOST_SECONDS.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, SIZE = 4096, SOCKET_BUFFER = 8 << 20, MOST_SECONDS = 120, TIMEOUT_MS = 250 };

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct iovec *read_packets(const char *path, size_t *count) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        fail(path);
    size_t size = (size_t)ftell(file), at = 0;
    uint8_t *bytes = malloc(size + 1);
    struct iovec *packets = calloc(size / 22 + 1, sizeof *packets);
    rewind(file);
    if (!bytes || !packets || fread(bytes, 1, size, file) != size)
        fail(path);
    fclose(file);
    for (*count = 0; at + 2 < size; ++*count) {
        size_t length = (size_t)bytes[at] << 8 | bytes[at + 1];
        if (length < 20 || length > SIZE || at + 2 + length > size) {
            fprintf(stderr, "%s: a broken entry at %zu\n", path, at);
            exit(1);
        }
        packets[*count] = (struct iovec){bytes + at + 2, length};
        at += 2 + length;
    }
    if (!*count) {
        fprintf(stderr, "%s: no entry\n", path);
        exit(1);
    }
    return packets;
}

static uint64_t take(int descriptor) {
    static uint8_t bytes[BATCH][64];
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    uint64_t taken = 0;
    int some = BATCH;
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){bytes[i], sizeof bytes[i]};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    while (some == BATCH && (some = recvmmsg(descriptor, messages, BATCH, MSG_DONTWAIT, NULL)) > 0)
        taken += (uint64_t)some;
    return taken;
}

int main(int words, char **word) {
    if (words != 5) {
        fprintf(stderr, "usage: accounting_sender PORT PACKETS SECONDS WINDOW\n");
        return 2;
    }
    size_t count, next = 0;
    struct iovec *packets = read_packets(word[2], &count);
    double seconds = atof(word[3]) < MOST_SECONDS ? atof(word[3]) : MOST_SECONDS;
    uint64_t window = strtoull(word[4], NULL, 10), sent = 0, answered = 0, lost = 0;
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(word[1]))};
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0), size = SOCKET_BUFFER;
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (connect(descriptor, (struct sockaddr *)&there, sizeof there))
        fail("connect");
    struct pollfd polled = {.fd = descriptor, .events = POLLIN};
    double begin = now(), end = begin + seconds;
    while (now() < end) {
        struct mmsghdr messages[BATCH];
        uint64_t open = sent - answered - lost, room = open < window ? window - open : 0;
        unsigned some = room < BATCH ? (unsigned)room : BATCH;
        memset(messages, 0, sizeof messages);
        for (unsigned i = 0; i < some; i++, next = (next + 1) % count)
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &packets[next], .msg_iovlen = 1};
        int done = some ? sendmmsg(descriptor, messages, some, 0) : 0;
        sent += done > 0 ? (uint64_t)done : 0;
        answered += take(descriptor);
        if (sent - answered - lost >= window) {
            if (poll(&polled, 1, TIMEOUT_MS) == 0)
                lost = sent - answered;
            answered += take(descriptor);
        }
    }
    double taken = now() - begin;
    while (poll(&polled, 1, TIMEOUT_MS) > 0)
        answered += take(descriptor);
    printf("{\"sent\": %llu, \"answered\": %llu, \"seconds\": %.3f}\n", (unsigned long long)sent,
           (unsigned long long)answered, taken);
    return 0;
}
