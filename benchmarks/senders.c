/* Senders of DNS queries, for what dnsperf cannot do: open loop, thousands of client addresses, answers judged.
 *
 * senders ADDRESS PORT QUERIES SECONDS RATE WINDOW SOURCES FIRST TIMES
 *   QUERIES  a file of entries: length of the packet (16 bits, big-endian), flags (8 bits), packet
 *   RATE     queries per second on a fixed schedule, whatever comes back (open loop); 0: as fast as WINDOW allows
 *   WINDOW   queries outstanding at one time (closed loop); with a RATE it bounds nothing
 *   SOURCES  how many client addresses, taken in turn: FIRST and those after it, all on loopback
 *   TIMES    a file: for each query, microseconds from the start until it was due, and microseconds until its
 *            answer (LOST: none within TIMEOUT); 32 bits each in the machine's order. "-": none
 * Flags of an entry: MUST_BLOCK: anything but NXDOMAIN with extended error 16 is counted as unfiltered.
 * FRESH: the first label has three bytes and 16 that are replaced by a number of its own for every query.
 * Latency in open loop counts from the moment a query was due, not from when it was sent.
 * Prints one line of JSON. Bounded: MOST queries, MOST_SECONDS.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    IDS = 65536, BATCH = 32, SIZE = 1500, SOCKET_BUFFER = 8 << 20,
    MUST_BLOCK = 1, FRESH = 2, NXDOMAIN = 3, CENSORED = 16, HEADER = 12, FRESH_AT = HEADER + 4, FRESH_DIGITS = 16
};
static const uint64_t SECOND = 1000000000, TIMEOUT = 250000000;
static const uint64_t MOST = 12000000, MOST_SECONDS = 120;
static const uint32_t LOST = UINT32_MAX;

struct entry {
    const uint8_t *packet;
    uint16_t length;
    uint8_t flags;
};

struct asked {
    uint64_t due;
    uint32_t number;
    uint8_t open;
    uint8_t flags;
};

static struct asked ring[IDS];
static struct { uint32_t due, taken; } *times;
static uint64_t sent, answered, denied, unfiltered, refused, begin;
static uint64_t oldest; /* the first query that may be open */

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static struct entry *read_entries(const char *path, size_t *count) {
    FILE *file = fopen(path, "rb");
    if (!file)
        fail(path);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    uint8_t *bytes = malloc((size_t)size + 1);
    struct entry *entries = malloc(((size_t)size / (3 + HEADER) + 1) * sizeof *entries);
    if (!bytes || !entries || fread(bytes, 1, (size_t)size, file) != (size_t)size)
        fail(path);
    fclose(file);
    *count = 0;
    for (long at = 0; at < size;) {
        uint16_t length = at + 3 > size ? 0 : (uint16_t)(bytes[at] << 8 | bytes[at + 1]);
        int least = length && bytes[at + 2] & FRESH ? FRESH_AT + FRESH_DIGITS : HEADER + 1;
        if (length < least || length > SIZE || at + 3 + length > size) {
            fprintf(stderr, "%s: a broken entry at %ld\n", path, at);
            exit(1);
        }
        entries[(*count)++] = (struct entry){bytes + at + 3, length, bytes[at + 2]};
        at += 3 + length;
    }
    if (!*count) {
        fprintf(stderr, "%s: no entry\n", path);
        exit(1);
    }
    return entries;
}

/* Behind the name at ``at``; the length where it runs out. */
static size_t skip_name(const uint8_t *packet, size_t length, size_t at) {
    while (at < length && packet[at]) {
        if (packet[at] >= 0xC0)
            return at + 2;
        at += (size_t)packet[at] + 1;
    }
    return at + 1;
}

/* Whether the answer says NXDOMAIN and, in its OPT record, that the name is censored. */
static int is_censored(const uint8_t *packet, size_t length) {
    if (length < HEADER || (packet[3] & 15) != NXDOMAIN)
        return 0;
    unsigned records = (unsigned)(packet[7] + packet[9] + packet[11]);
    size_t at = skip_name(packet, length, HEADER) + 4;
    while (records--) {
        at = skip_name(packet, length, at);
        if (at + 10 > length)
            return 0;
        unsigned type = (unsigned)packet[at] << 8 | packet[at + 1];
        size_t end = at + 10 + ((size_t)packet[at + 8] << 8 | packet[at + 9]);
        at += 10;
        for (; type == 41 && at + 6 <= end && end <= length;
             at += 4 + ((size_t)packet[at + 2] << 8 | packet[at + 3]))
            if (packet[at] == 0 && packet[at + 1] == 15 && packet[at + 4] == 0 && packet[at + 5] == CENSORED)
                return 1;
        at = end;
    }
    return 0;
}

static void take(int descriptor) {
    static uint8_t bytes[BATCH][SIZE];
    struct mmsghdr messages[BATCH];
    struct iovec places[BATCH];
    int got;
    do {
        for (int i = 0; i < BATCH; i++) {
            places[i] = (struct iovec){bytes[i], SIZE};
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &places[i], .msg_iovlen = 1};
        }
        got = recvmmsg(descriptor, messages, BATCH, MSG_DONTWAIT, NULL);
        uint64_t time = now();
        for (int i = 0; i < got; i++) {
            struct asked *query = &ring[bytes[i][0] << 8 | bytes[i][1]];
            if (messages[i].msg_len < HEADER || !query->open || time - query->due > TIMEOUT)
                continue;
            query->open = 0;
            answered++;
            times[query->number].taken = (uint32_t)((time - query->due) / 1000);
            denied += (bytes[i][3] & 15) == NXDOMAIN;
            refused += (bytes[i][3] & 15) != 0 && (bytes[i][3] & 15) != NXDOMAIN;
            if (query->flags & MUST_BLOCK)
                unfiltered += !is_censored(bytes[i], messages[i].msg_len);
        }
    } while (got == BATCH);
}

static uint64_t outstanding(uint64_t time) {
    while (oldest < sent) {
        struct asked *query = &ring[oldest % IDS];
        if (query->open && query->number == oldest && time - query->due <= TIMEOUT)
            break;
        if (query->number == oldest)
            query->open = 0;
        oldest++;
    }
    return sent - oldest;
}

static void put_fresh(uint8_t *packet, uint64_t number) {
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < FRESH_DIGITS; i++)
        packet[FRESH_AT + i] = (uint8_t)digits[number >> (60 - 4 * i) & 15];
}

struct load {
    int descriptor;
    struct entry *entries;
    size_t count;
    uint64_t rate;
    uint32_t sources, first;
    struct sockaddr_in there;
};

static void send_some(const struct load *load, int some) {
    static uint8_t bytes[BATCH][SIZE];
    static uint8_t control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
    static uint64_t salt;
    struct mmsghdr messages[BATCH];
    struct iovec places[BATCH];
    salt = salt ? salt : begin << 20;
    for (int i = 0; i < some; i++, sent++) {
        const struct entry *entry = &load->entries[sent % load->count];
        uint64_t due = load->rate ? begin + sent * SECOND / load->rate : now();
        memcpy(bytes[i], entry->packet, entry->length);
        bytes[i][0] = (uint8_t)(sent >> 8);
        bytes[i][1] = (uint8_t)sent;
        if (entry->flags & FRESH)
            put_fresh(bytes[i], salt + sent);
        ring[sent % IDS] = (struct asked){due, (uint32_t)sent, 1, entry->flags};
        times[sent].due = (uint32_t)((due - begin) / 1000);
        times[sent].taken = LOST;
        places[i] = (struct iovec){bytes[i], entry->length};
        messages[i].msg_hdr = (struct msghdr){.msg_name = (void *)&load->there,
            .msg_namelen = sizeof load->there, .msg_iov = &places[i], .msg_iovlen = 1,
            .msg_control = control[i], .msg_controllen = sizeof control[i]};
        struct cmsghdr *header = CMSG_FIRSTHDR(&messages[i].msg_hdr);
        header->cmsg_level = IPPROTO_IP;
        header->cmsg_type = IP_PKTINFO;
        header->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
        struct in_pktinfo from = {.ipi_spec_dst.s_addr = htonl(load->first + (uint32_t)(sent % load->sources))};
        memcpy(CMSG_DATA(header), &from, sizeof from);
    }
    for (int done = 0; done < some;) {
        int step = sendmmsg(load->descriptor, messages + done, (unsigned)(some - done), 0);
        done += step > 0 ? step : 1;
    }
}

static void run(const struct load *load, uint64_t seconds, uint64_t window) {
    uint64_t time = begin = now(), last = begin + seconds * SECOND;
    uint64_t most = load->rate ? load->rate * seconds : MOST;
    struct pollfd polled = {.fd = load->descriptor, .events = POLLIN};
    most = most < MOST ? most : MOST;
    while (sent < most && time < last + SECOND) {
        uint64_t open = outstanding(time), due = 0;
        if (load->rate)
            due = (time - begin) * load->rate / SECOND + 1 - sent;
        else if (time >= last)
            break;
        else
            due = open < window ? window - open : 0;
        due = due > most - sent ? most - sent : due;
        if (due)
            send_some(load, due < BATCH ? (int)due : BATCH);
        take(load->descriptor);
        time = now();
        uint64_t next = load->rate ? begin + sent * SECOND / load->rate : time + (due ? 0 : SECOND / 1000);
        if (next > time) {
            struct timespec rest = {0, (long)(next - time < SECOND / 10 ? next - time : SECOND / 10)};
            ppoll(&polled, 1, &rest, NULL);
            take(load->descriptor);
            time = now();
        }
    }
    for (last = now() + TIMEOUT; now() < last && outstanding(now());) {
        poll(&polled, 1, 10);
        take(load->descriptor);
    }
}

int main(int count, char **words) {
    if (count != 10) {
        fprintf(stderr, "usage: senders ADDRESS PORT QUERIES SECONDS RATE WINDOW SOURCES FIRST TIMES\n");
        return 2;
    }
    struct load load = {.rate = strtoull(words[5], NULL, 10), .sources = (uint32_t)atoi(words[7])};
    struct in_addr first;
    uint64_t seconds = strtoull(words[4], NULL, 10), window = strtoull(words[6], NULL, 10);
    int size = SOCKET_BUFFER;
    load.entries = read_entries(words[3], &load.count);
    load.there = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[2]))};
    if (inet_pton(AF_INET, words[1], &load.there.sin_addr) != 1 || inet_pton(AF_INET, words[8], &first) != 1)
        fail("address");
    load.first = ntohl(first.s_addr);
    load.sources = load.sources ? load.sources : 1;
    seconds = seconds < MOST_SECONDS ? seconds : MOST_SECONDS;
    window = window < IDS / 2 ? window : IDS / 2;
    times = calloc(MOST, sizeof *times);
    if (!times)
        fail("memory");
    prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
    load.descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    if (setsockopt(load.descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
        setsockopt(load.descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    run(&load, seconds, window);
    if (strcmp(words[9], "-")) {
        FILE *file = fopen(words[9], "wb");
        if (!file || fwrite(times, sizeof *times, sent, file) != sent || fclose(file))
            fail(words[9]);
    }
    printf("{\"begin\": %.6f, \"seconds\": %.6f, \"sent\": %llu, \"answered\": %llu, \"unfiltered\": %llu, "
           "\"denied\": %llu, \"failed\": %llu}\n", (double)begin / 1e9, (double)(now() - begin) / 1e9,
           (unsigned long long)sent, (unsigned long long)answered, (unsigned long long)unfiltered,
           (unsigned long long)denied, (unsigned long long)refused);
    return 0;
}
