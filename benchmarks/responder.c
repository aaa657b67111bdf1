/* A bare DNS responder: what the kernel's sockets and a batched server's system calls cost, and nothing else.
 *
 * responder ADDRESS PORT [COUNTS]: answers every query that has one question, an address of 192.0.2.1 for type A
 * with a TTL of an hour, no records for other types, OPT where the query has one. It reads with recvmmsg, up to
 * BATCH datagrams at a time, with the address each was sent to (IP_PKTINFO), and answers with one sendmmsg from
 * that address: as a batched DNS server has to. A name whose first label begins with "tc-" is truncated over UDP
 * and answered over TCP. Serves as the upstream of the others as well. COUNTS: a file of two 64-bit numbers in the
 * machine's order, datagrams and batches, kept up to date. Ends by a signal.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, SIZE = 1500, CONNECTIONS = 256, HEADER = 12, SOCKET_BUFFER = 4 << 20 };

struct counts {
    volatile uint64_t datagrams;
    volatile uint64_t batches;
};

struct connection {
    int descriptor;
    size_t held;
    uint8_t bytes[2 + SIZE];
};

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* The end of the one question, or 0 where the packet is not a query with one. */
static size_t question_end(const uint8_t *packet, size_t length) {
    size_t at = HEADER;
    if (length < HEADER + 5 || packet[2] & 0x80 || packet[4] || packet[5] != 1)
        return 0;
    while (at < length && packet[at]) {
        if (packet[at] > 63)
            return 0;
        at += (size_t)packet[at] + 1;
    }
    return at + 5 <= length ? at + 5 : 0;
}

/* Write the answer over the query, which has SIZE bytes of room; its length, 0 for silence. */
static size_t answer(uint8_t *packet, size_t length, int tcp) {
    static const uint8_t address[] = {0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0x0E, 0x10, 0, 4, 192, 0, 2, 1};
    static const uint8_t opt[] = {0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0};
    size_t end = question_end(packet, length);
    if (!end || end + sizeof address + sizeof opt > SIZE)
        return 0;
    int has_opt = packet[11] != 0 && length >= end + sizeof opt && packet[end + 2] == 41;
    int cut = !tcp && packet[HEADER] > 3 && !memcmp(packet + HEADER + 1, "tc-", 3);
    int positive = !cut && packet[end - 4] == 0 && packet[end - 3] == 1;
    packet[2] = (uint8_t)(0x80 | (packet[2] & 0x79) | (cut ? 2 : 0));
    packet[3] = 0x80;
    memset(packet + 6, 0, 6);
    if (positive) {
        packet[7] = 1;
        memcpy(packet + end, address, sizeof address);
        end += sizeof address;
    }
    if (has_opt) {
        packet[11] = 1;
        memcpy(packet + end, opt, sizeof opt);
        end += sizeof opt;
    }
    return end;
}

/* Take what one connection sent; 0 where it has ended. */
static int serve_connection(struct connection *each) {
    ssize_t got = recv(each->descriptor, each->bytes + each->held, sizeof each->bytes - each->held, 0);
    if (got <= 0)
        return 0;
    each->held += (size_t)got;
    while (each->held >= 2) {
        size_t length = (size_t)each->bytes[0] << 8 | each->bytes[1];
        uint8_t reply[2 + SIZE];
        if (length > SIZE)
            return 0;
        if (each->held < 2 + length)
            break;
        memcpy(reply + 2, each->bytes + 2, length);
        size_t size = answer(reply + 2, length, 1);
        reply[0] = (uint8_t)(size >> 8);
        reply[1] = (uint8_t)size;
        if (size && send(each->descriptor, reply, size + 2, MSG_NOSIGNAL) != (ssize_t)(size + 2))
            return 0;
        each->held -= 2 + length;
        memmove(each->bytes, each->bytes + 2 + length, each->held);
    }
    return 1;
}

static void *serve_tcp(void *listener) {
    static struct connection open[CONNECTIONS];
    struct pollfd polled[CONNECTIONS + 1];
    int count = 0, one = 1;
    for (;;) {
        polled[0] = (struct pollfd){.fd = count < CONNECTIONS ? *(int *)listener : -1, .events = POLLIN};
        for (int i = 0; i < count; i++)
            polled[i + 1] = (struct pollfd){.fd = open[i].descriptor, .events = POLLIN};
        if (poll(polled, (nfds_t)count + 1, -1) < 0)
            continue;
        for (int i = count - 1; i >= 0; i--)
            if (polled[i + 1].revents && !serve_connection(&open[i])) {
                close(open[i].descriptor);
                open[i] = open[--count];
            }
        if (polled[0].revents & POLLIN) {
            int descriptor = accept(*(int *)listener, NULL, NULL);
            if (descriptor >= 0) {
                setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                open[count].descriptor = descriptor;
                open[count++].held = 0;
            }
        }
    }
    return NULL;
}

static void serve_udp(int descriptor, struct counts *counts) {
    static uint8_t bytes[BATCH][SIZE];
    static uint8_t control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
    static struct sockaddr_in peers[BATCH];
    struct mmsghdr received[BATCH], replies[BATCH];
    struct iovec places[BATCH];
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            places[i] = (struct iovec){bytes[i], SIZE};
            received[i].msg_hdr = (struct msghdr){.msg_name = &peers[i], .msg_namelen = sizeof peers[i],
                .msg_iov = &places[i], .msg_iovlen = 1, .msg_control = control[i],
                .msg_controllen = sizeof control[i]};
        }
        int got = recvmmsg(descriptor, received, BATCH, MSG_WAITFORONE, NULL), out = 0, sent = 0;
        if (got <= 0)
            continue;
        counts->datagrams += (uint64_t)got;
        counts->batches++;
        for (int i = 0; i < got; i++) {
            places[i].iov_len = answer(bytes[i], received[i].msg_len, 0);
            if (places[i].iov_len)
                replies[out++] = received[i];
        }
        while (sent < out) {
            int step = sendmmsg(descriptor, replies + sent, (unsigned)(out - sent), 0);
            sent += step > 0 ? step : 1;
        }
    }
}

int main(int count, char **words) {
    struct counts none = {0}, *counts = &none;
    int size = SOCKET_BUFFER, one = 1;
    pthread_t thread;
    if (count < 3) {
        fprintf(stderr, "usage: responder ADDRESS PORT [COUNTS]\n");
        return 2;
    }
    if (count > 3) {
        int file = open(words[3], O_RDWR | O_CREAT, 0600);
        if (file < 0 || ftruncate(file, sizeof none))
            fail(words[3]);
        counts = mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (counts == MAP_FAILED)
            fail("mmap");
    }
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[2]))};
    if (inet_pton(AF_INET, words[1], &here.sin_addr) != 1)
        fail(words[1]);
    int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(udp, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
    if (setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
        setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (bind(udp, (struct sockaddr *)&here, sizeof here) || bind(tcp, (struct sockaddr *)&here, sizeof here) ||
        listen(tcp, 128))
        fail("bind");
    if (pthread_create(&thread, NULL, serve_tcp, &tcp))
        fail("thread");
    serve_udp(udp, counts);
    return 0;
}
