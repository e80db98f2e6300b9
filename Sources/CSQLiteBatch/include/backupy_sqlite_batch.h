// The entries of one commit as a table that SQLite reads where they lie, so that a single INSERT … SELECT writes them
// all: one run of one statement and one cursor, instead of eight bindings and a statement for each entry.
//
// The table has the columns of `entries` in `log.sqlite`, in their order. docs/log-format.md describes the encoding.
#ifndef BACKUPY_SQLITE_BATCH_H
#define BACKUPY_SQLITE_BATCH_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

// What the table reads: the encodings of `entry_count` entries, one behind the other, and the CRC-32C of each. Both are
// only lent, for as long as a statement that reads the table runs.
typedef struct {
    const unsigned char *encodings;
    size_t byte_count;
    const uint32_t *checksums;
    size_t entry_count;
} backupy_batch;

// Makes the table under this name for one connection; returns SQLite's result code. The batch stays the caller's and
// must outlive the connection.
int backupy_batch_register(sqlite3 *connection, const char *name, backupy_batch *batch);

#endif
