// Agents for measuring a server: they register and report, and are told what was recorded.
//
//     load acks HOST PORT KEYS WINDOW COUNT
//         as many connections as KEYS has lines, each with WINDOW reports under way; prints acknowledgements per second
//     load idle HOST PORT KEYS
//         opens and registers a connection for each line of KEYS, prints how many, and holds them until its input ends
//
// A report says that a run has failed which the server does not know: it is recorded like any other, and acknowledged by
// the extension `report-ack` once it is durable. Frames: RFC 6455; envelopes: Schemas/backupv1.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { room = 1 << 16 };

typedef struct {
    int socket;
    uint64_t sequence;
    long sent, acknowledged;
    size_t size;
    int has_answer;
    unsigned char *bytes;
} agent;

static void leave(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, errno != 0 ? strerror(errno) : "not as expected");
    exit(1);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void send_all(int socket, const unsigned char *bytes, size_t size) {
    while (size > 0) {
        ssize_t count = send(socket, bytes, size, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) leave("send");
        bytes += count;
        size -= (size_t)count;
    }
}

static unsigned char *varint(unsigned char *to, uint64_t number) {
    while (number >= 0x80) {
        *to++ = (unsigned char)(number | 0x80);
        number >>= 7;
    }
    *to++ = (unsigned char)number;
    return to;
}

static unsigned char *text(unsigned char *to, int field, const char *value) {
    to = varint(to, (uint64_t)(field << 3 | 2));
    to = varint(to, strlen(value));
    memcpy(to, value, strlen(value));
    return to + strlen(value);
}

// One masked binary frame with an envelope around the payload; gives its end.
static unsigned char *frame(unsigned char *to, agent *agent, int field, const unsigned char *payload, size_t size) {
    unsigned char envelope[512];
    unsigned char *end = envelope;
    *end++ = 1 << 3;
    end = varint(end, ++agent->sequence);
    *end++ = 2 << 3;
    end = varint(end, (uint64_t)time(NULL) * 1000);
    end = varint(end, (uint64_t)(field << 3 | 2));
    end = varint(end, size);
    memcpy(end, payload, size);
    size_t length = (size_t)(end - envelope) + size;
    static const unsigned char mask[4] = {0x11, 0x22, 0x33, 0x44};
    *to++ = 0x82;
    if (length < 126) {
        *to++ = (unsigned char)(0x80 | length);
    } else {
        *to++ = 0x80 | 126;
        *to++ = (unsigned char)(length >> 8);
        *to++ = (unsigned char)length;
    }
    memcpy(to, mask, 4);
    to += 4;
    for (size_t place = 0; place < length; place++) *to++ = envelope[place] ^ mask[place & 3];
    return to;
}

static unsigned char *report(unsigned char *to, agent *agent) {
    unsigned char payload[256];
    unsigned char *end = text(payload, 1, "job_00000000001");
    *end++ = 2 << 3;
    *end++ = 4;
    end = text(end, 5, "dump: the database could not be reached, which is an error like those that agents report");
    end = text(end, 6, "run_00000000001-1");
    return frame(to, agent, 13, payload, (size_t)(end - payload));
}

// Takes what has arrived; counts answers and acknowledgements in whole frames.
static void receive(agent *agent) {
    ssize_t count = recv(agent->socket, agent->bytes + agent->size, room - agent->size, 0);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count <= 0) leave("the server closed a connection");
    agent->size += (size_t)count;
    size_t place = 0;
    for (;;) {
        size_t rest = agent->size - place, head = 2;
        const unsigned char *bytes = agent->bytes + place;
        if (rest < 2) break;
        size_t length = bytes[1] & 0x7f;
        if (length == 126) {
            if (rest < 4) break;
            length = (size_t)bytes[2] << 8 | bytes[3];
            head = 4;
        } else if (length == 127) {
            leave("a frame from the server is too long");
        }
        if (rest < head + length) break;
        if ((bytes[0] & 0x0f) == 8) leave("the server closed a session");
        if ((bytes[0] & 0x0f) == 2) agent->has_answer = 1;
        // Field 1000 of the envelope, behind number and time, which are short.
        for (size_t i = head; i + 1 < head + length && i < head + 24; i++) {
            if (bytes[i] == 0xc2 && bytes[i + 1] == 0x3e) {
                agent->acknowledged++;
                break;
            }
        }
        place += head + length;
    }
    memmove(agent->bytes, agent->bytes + place, agent->size - place);
    agent->size -= place;
}

static void join(agent *agent, const char *host, int port, const char *key) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) leave("address");
    agent->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(agent->socket, (struct sockaddr *)&address, sizeof address) != 0) leave("connect");
    int yes = 1;
    setsockopt(agent->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    char request[1024];
    int size = snprintf(
        request, sizeof request,
        "GET /v1/agents/connect HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer %s\r\n"
        "Backupy-Extensions: report-ack\r\n\r\n",
        host, port, key);
    send_all(agent->socket, (unsigned char *)request, (size_t)size);
    char answer[4096];
    size_t count = 0;
    while (count < 4 || memcmp(answer + count - 4, "\r\n\r\n", 4) != 0) {
        if (count == sizeof answer || recv(agent->socket, answer + count, 1, 0) != 1) leave("upgrade");
        count++;
    }
    errno = 0;
    if (memcmp(answer, "HTTP/1.1 101", 12) != 0) leave("upgrade");
    agent->bytes = malloc(room);
    unsigned char payload[256], bytes[512];
    unsigned char *end = text(payload, 1, "v0.1.0");
    end = text(end, 2, "bench");
    end = text(end, 3, "linux");
    end = text(end, 4, "amd64");
    end = frame(bytes, agent, 10, payload, (size_t)(end - payload));
    send_all(agent->socket, bytes, (size_t)(end - bytes));
    while (!agent->has_answer) receive(agent);
}

int main(int count, char **arguments) {
    int is_idle = count == 5 && strcmp(arguments[1], "idle") == 0;
    if (!is_idle && !(count == 7 && strcmp(arguments[1], "acks") == 0)) {
        fprintf(stderr, "usage: load acks HOST PORT KEYS WINDOW COUNT\n       load idle HOST PORT KEYS\n");
        return 2;
    }
    FILE *keys = fopen(arguments[4], "r");
    if (keys == NULL) leave(arguments[4]);
    static agent agents[20000];
    int number = 0;
    char key[256];
    while (number < 20000 && fscanf(keys, "%255s", key) == 1) {
        join(&agents[number], arguments[2], atoi(arguments[3]), key);
        if (is_idle) {
            free(agents[number].bytes);
            agents[number].bytes = NULL;
        }
        number++;
    }
    fclose(keys);
    if (number == 0) leave("no key");
    if (is_idle) {
        printf("%d\n", number);
        fflush(stdout);
        while (getchar() != EOF) {}
        return 0;
    }
    long window = atol(arguments[5]), total = atol(arguments[6]) / number;
    struct pollfd *waiting = calloc((size_t)number, sizeof *waiting);
    unsigned char *bytes = malloc(room);
    if (waiting == NULL || bytes == NULL) return 1;
    double start = seconds();
    for (int left = number; left > 0;) {
        left = 0;
        for (int place = 0; place < number; place++) {
            agent *agent = &agents[place];
            unsigned char *end = bytes;
            while (agent->sent < total && agent->sent - agent->acknowledged < window && end - bytes < room - 512) {
                end = report(end, agent);
                agent->sent++;
            }
            if (end > bytes) send_all(agent->socket, bytes, (size_t)(end - bytes));
            waiting[place] = (struct pollfd){agent->acknowledged < total ? agent->socket : -1, POLLIN, 0};
            if (agent->acknowledged < total) left++;
        }
        if (left == 0) break;
        if (poll(waiting, (nfds_t)number, 30000) <= 0) leave("no acknowledgement within 30 s");
        for (int place = 0; place < number; place++) {
            if (waiting[place].revents != 0) receive(&agents[place]);
        }
    }
    printf("%.0f\n", (double)(total * number) / (seconds() - start));
    return 0;
}
