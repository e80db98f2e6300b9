// The limit for durable turns: what plain C gets into SQLite on this machine, with nothing else to do.
//
//     append FILE BATCH COUNT     appends COUNT payloads of 150 bytes, BATCH a commit; prints payloads per second
//
// WAL, synchronous=FULL, pages of 8 KiB, one prepared statement, blobs bound without copying.
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { payload_size = 150 };

static void check(sqlite3 *db, int code, const char *what) {
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return;
    fprintf(stderr, "append: %s: %s\n", what, sqlite3_errmsg(db));
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

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: append FILE BATCH COUNT\n");
        return 2;
    }
    long batch = atol(arguments[2]), total = atol(arguments[3]);
    sqlite3 *db = NULL;
    check(db, sqlite3_open(arguments[1], &db), "open");
    execute(db, "PRAGMA page_size=8192");
    execute(db, "PRAGMA journal_mode=WAL");
    execute(db, "PRAGMA synchronous=FULL");
    execute(db, "PRAGMA secure_delete=OFF");
    execute(db, "CREATE TABLE entries(position INTEGER PRIMARY KEY, body BLOB)");
    sqlite3_stmt *begin = prepare(db, "BEGIN IMMEDIATE");
    sqlite3_stmt *insert = prepare(db, "INSERT INTO entries VALUES (?, ?)");
    sqlite3_stmt *commit = prepare(db, "COMMIT");

    unsigned char payload[payload_size];
    memset(payload, 0x42, sizeof payload);
    double start = seconds();
    for (long position = 1; position <= total;) {
        run(db, begin);
        for (long place = 0; place < batch && position <= total; place++, position++) {
            memcpy(payload, &position, sizeof position);
            sqlite3_bind_int64(insert, 1, position);
            sqlite3_bind_blob(insert, 2, payload, sizeof payload, SQLITE_STATIC);
            run(db, insert);
        }
        run(db, commit);
    }
    printf("%.0f\n", (double)total / (seconds() - start));
    sqlite3_finalize(begin);
    sqlite3_finalize(insert);
    sqlite3_finalize(commit);
    return sqlite3_close(db) == SQLITE_OK ? 0 : 1;
}
