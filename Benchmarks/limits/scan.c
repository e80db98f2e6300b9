// The limit for reading back: plain C that steps through all rows in order and touches what it gets.
//
//     scan FILE COLUMNS     COLUMNS: "position, body" or the like; prints rows per second
#include <sqlite3.h>
#include <stdio.h>
#include <time.h>

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: scan FILE COLUMNS\n");
        return 2;
    }
    sqlite3 *db = NULL;
    sqlite3_stmt *rows = NULL;
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT %s FROM entries ORDER BY position", arguments[2]);
    if (sqlite3_open_v2(arguments[1], &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK
        || sqlite3_prepare_v2(db, sql, -1, &rows, NULL) != SQLITE_OK) {
        fprintf(stderr, "scan: %s\n", sqlite3_errmsg(db));
        return 1;
    }
    int columns = sqlite3_column_count(rows);
    double start = seconds();
    long number = 0;
    unsigned long sum = 0;
    while (sqlite3_step(rows) == SQLITE_ROW) {
        number++;
        for (int column = 0; column < columns; column++) {
            if (sqlite3_column_type(rows, column) == SQLITE_INTEGER) {
                sum += (unsigned long)sqlite3_column_int64(rows, column);
            } else {
                const unsigned char *bytes = sqlite3_column_blob(rows, column);
                int size = sqlite3_column_bytes(rows, column);
                if (size > 0) sum += bytes[0] + bytes[size - 1];
            }
        }
    }
    double taken = seconds() - start;
    if (sum == 0) return 1;
    printf("%.0f\n", (double)number / taken);
    sqlite3_finalize(rows);
    return sqlite3_close(db) == SQLITE_OK ? 0 : 1;
}
