// What the columns, the checksums and the chain of a log cost by themselves: plain C that writes the very rows a log of
// the engine has for such turns, with CRC-32C and SHA-256, and nothing else. It explains the distance to `append`.
//
//     entries DIRECTORY BATCH COUNT     appends COUNT entries, BATCH a commit; prints entries per second
#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "../../Sources/COpenSSL/crc32c.h"

enum { payload_size = 150, stream_count = 1000 };

static void check(sqlite3 *db, int code, const char *what) {
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return;
    fprintf(stderr, "entries: %s: %s\n", what, sqlite3_errmsg(db));
    exit(1);
}

static void execute(sqlite3 *db, const char *sql) { check(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql); }

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement = NULL;
    check(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL), sql);
    return statement;
}

static void run(sqlite3 *db, sqlite3_stmt *statement) {
    check(db, sqlite3_step(statement), sqlite3_sql(statement));
    sqlite3_reset(statement);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static unsigned char *put64(unsigned char *to, uint64_t number) {
    number = __builtin_bswap64(number);
    memcpy(to, &number, 8);
    return to + 8;
}

static unsigned char *put(unsigned char *to, const void *bytes, uint32_t count) {
    uint32_t length = __builtin_bswap32(count);
    memcpy(to, &length, 4);
    memcpy(to + 4, bytes, count);
    return to + 4 + count;
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: entries DIRECTORY BATCH COUNT\n");
        return 2;
    }
    long batch = atol(arguments[2]), total = atol(arguments[3]);
    if (batch < 1) return 2;
    mkdir(arguments[1], 0700);
    char path[4096];
    snprintf(path, sizeof path, "%s/log.sqlite", arguments[1]);
    sqlite3 *db = NULL;
    check(db, sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL), "open");
    execute(db, "PRAGMA page_size=8192");
    execute(db, "PRAGMA journal_mode=WAL");
    execute(db, "PRAGMA synchronous=FULL");
    execute(db, "PRAGMA secure_delete=OFF");
    execute(
        db,
        "CREATE TABLE entries(position INTEGER PRIMARY KEY, recorded_at INTEGER NOT NULL, stream TEXT NOT NULL,"
        "revision INTEGER NOT NULL, cause INTEGER, kind TEXT NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL);"
        "CREATE TABLE commits(first_position INTEGER NOT NULL, last_position INTEGER PRIMARY KEY, link BLOB NOT NULL)");
    sqlite3_stmt *begin = prepare(db, "BEGIN IMMEDIATE");
    sqlite3_stmt *insert = prepare(db, "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    sqlite3_stmt *note = prepare(db, "INSERT INTO commits VALUES (?, ?, ?)");
    sqlite3_stmt *commit = prepare(db, "COMMIT");

    static const char kind[] = "frame.heartbeat";
    unsigned char payload[payload_size], link[32] = {0};
    memset(payload, 0x42, sizeof payload);
    unsigned char *buffer = malloc((size_t)batch * 300);
    if (buffer == NULL) return 1;
    long revisions[stream_count] = {0};
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    double start = seconds();
    for (long position = 1; position <= total;) {
        long first = position;
        unsigned char *end = buffer;
        run(db, begin);
        for (long place = 0; place < batch && position <= total; place++, position++) {
            long number = position * 7919 % stream_count;
            char stream[32];
            int stream_size = snprintf(stream, sizeof stream, "agent/agt_%011ld", number);
            memcpy(payload, &position, sizeof position);
            unsigned char *entry = end;
            end = put64(end, (uint64_t)position);
            end = put64(end, (uint64_t)(1700000000000 + position));
            end = put64(end, (uint64_t)++revisions[number]);
            end = put64(end, 0);
            end = put(end, stream, (uint32_t)stream_size);
            end = put(end, kind, sizeof kind - 1);
            end = put(end, payload, payload_size);
            uint32_t crc = ~backupy_crc32c_hardware(~0u, entry, (size_t)(end - entry));
            sqlite3_bind_int64(insert, 1, position);
            sqlite3_bind_int64(insert, 2, 1700000000000 + position);
            sqlite3_bind_text(insert, 3, stream, stream_size, SQLITE_STATIC);
            sqlite3_bind_int64(insert, 4, revisions[number]);
            sqlite3_bind_text(insert, 6, kind, sizeof kind - 1, SQLITE_STATIC);
            sqlite3_bind_blob(insert, 7, payload, sizeof payload, SQLITE_STATIC);
            sqlite3_bind_int64(insert, 8, crc);
            run(db, insert);
        }
        EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
        EVP_DigestUpdate(hash, link, sizeof link);
        EVP_DigestUpdate(hash, buffer, (size_t)(end - buffer));
        EVP_DigestFinal_ex(hash, link, NULL);
        sqlite3_bind_int64(note, 1, first);
        sqlite3_bind_int64(note, 2, position - 1);
        sqlite3_bind_blob(note, 3, link, sizeof link, SQLITE_STATIC);
        run(db, note);
        run(db, commit);
    }
    printf("%.0f\n", (double)total / (seconds() - start));
    EVP_MD_CTX_free(hash);
    free(buffer);
    sqlite3_finalize(begin);
    sqlite3_finalize(insert);
    sqlite3_finalize(note);
    sqlite3_finalize(commit);
    return sqlite3_close(db) == SQLITE_OK ? 0 : 1;
}
