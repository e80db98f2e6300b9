#include "backupy_sqlite_batch.h"

#include <string.h>

enum { head_byte_count = 32, length_byte_count = 4 };

typedef struct {
    sqlite3_vtab base;
    const backupy_batch *batch;
} batch_table;

typedef struct {
    sqlite3_vtab_cursor base;
    const backupy_batch *batch;
    size_t place, offset;
    const unsigned char *stream, *kind, *body;
    uint32_t stream_byte_count, kind_byte_count, body_byte_count;
} batch_cursor;

static uint32_t load32(const unsigned char *bytes) {
    uint32_t number;
    memcpy(&number, bytes, sizeof number);
    return __builtin_bswap32(number);
}

static sqlite3_int64 load64(const unsigned char *bytes) {
    uint64_t number;
    memcpy(&number, bytes, sizeof number);
    return (sqlite3_int64)__builtin_bswap64(number);
}

// One field behind its length; 0 when the bytes end before it does.
static int field(const backupy_batch *batch, size_t *offset, const unsigned char **bytes, uint32_t *byte_count) {
    if (batch->byte_count - *offset < length_byte_count) return 0;
    *byte_count = load32(batch->encodings + *offset);
    *offset += length_byte_count;
    if (batch->byte_count - *offset < *byte_count) return 0;
    *bytes = batch->encodings + *offset;
    *offset += *byte_count;
    return 1;
}

// Finds the fields of the entry that the cursor stands on.
static int parse(batch_cursor *cursor) {
    const backupy_batch *batch = cursor->batch;
    if (cursor->place >= batch->entry_count) return SQLITE_OK;
    if (batch->byte_count < cursor->offset || batch->byte_count - cursor->offset < head_byte_count) {
        return SQLITE_CORRUPT_VTAB;
    }
    size_t offset = cursor->offset + head_byte_count;
    int is_whole = field(batch, &offset, &cursor->stream, &cursor->stream_byte_count)
        && field(batch, &offset, &cursor->kind, &cursor->kind_byte_count)
        && field(batch, &offset, &cursor->body, &cursor->body_byte_count);
    return is_whole ? SQLITE_OK : SQLITE_CORRUPT_VTAB;
}

static int batch_connect(
    sqlite3 *connection, void *context, int count, const char *const *arguments, sqlite3_vtab **table, char **message
) {
    (void)count, (void)arguments, (void)message;
    batch_table *made = sqlite3_malloc(sizeof *made);
    if (made == NULL) return SQLITE_NOMEM;
    memset(made, 0, sizeof *made);
    made->batch = context;
    *table = &made->base;
    return sqlite3_declare_vtab(
        connection, "CREATE TABLE batch(position, recorded_at, stream, revision, cause, kind, body, crc)");
}

static int batch_disconnect(sqlite3_vtab *table) {
    sqlite3_free(table);
    return SQLITE_OK;
}

static int batch_best_index(sqlite3_vtab *table, sqlite3_index_info *info) {
    (void)table;
    info->estimatedCost = 1000;
    return SQLITE_OK;
}

static int batch_open(sqlite3_vtab *table, sqlite3_vtab_cursor **cursor) {
    batch_cursor *made = sqlite3_malloc(sizeof *made);
    if (made == NULL) return SQLITE_NOMEM;
    memset(made, 0, sizeof *made);
    made->batch = ((batch_table *)table)->batch;
    *cursor = &made->base;
    return SQLITE_OK;
}

static int batch_close(sqlite3_vtab_cursor *cursor) {
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int batch_filter(sqlite3_vtab_cursor *base, int plan, const char *text, int count, sqlite3_value **values) {
    (void)plan, (void)text, (void)count, (void)values;
    batch_cursor *cursor = (batch_cursor *)base;
    cursor->place = 0;
    cursor->offset = 0;
    return parse(cursor);
}

static int batch_next(sqlite3_vtab_cursor *base) {
    batch_cursor *cursor = (batch_cursor *)base;
    cursor->place++;
    cursor->offset = (size_t)(cursor->body - cursor->batch->encodings) + cursor->body_byte_count;
    return parse(cursor);
}

static int batch_is_at_end(sqlite3_vtab_cursor *base) {
    batch_cursor *cursor = (batch_cursor *)base;
    return cursor->place >= cursor->batch->entry_count;
}

static int batch_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column) {
    batch_cursor *cursor = (batch_cursor *)base;
    const unsigned char *head = cursor->batch->encodings + cursor->offset;
    switch (column) {
    case 0: sqlite3_result_int64(context, load64(head)); break;
    case 1: sqlite3_result_int64(context, load64(head + 8)); break;
    case 2:
        sqlite3_result_text(context, (const char *)cursor->stream, (int)cursor->stream_byte_count, SQLITE_STATIC);
        break;
    case 3: sqlite3_result_int64(context, load64(head + 16)); break;
    case 4: {
        sqlite3_int64 cause = load64(head + 24);
        if (cause != 0) sqlite3_result_int64(context, cause);  // absent is NULL in the table
        break;
    }
    case 5:
        sqlite3_result_text(context, (const char *)cursor->kind, (int)cursor->kind_byte_count, SQLITE_STATIC);
        break;
    case 6: sqlite3_result_blob(context, cursor->body, (int)cursor->body_byte_count, SQLITE_STATIC); break;
    case 7: sqlite3_result_int64(context, cursor->batch->checksums[cursor->place]); break;
    default: break;
    }
    return SQLITE_OK;
}

static int batch_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *row) {
    *row = (sqlite3_int64)((batch_cursor *)base)->place;
    return SQLITE_OK;
}

// Without xCreate the table needs no statement to make it, and cannot become part of a schema.
static const sqlite3_module batch_module = {
    .iVersion = 1,
    .xConnect = batch_connect,
    .xBestIndex = batch_best_index,
    .xDisconnect = batch_disconnect,
    .xOpen = batch_open,
    .xClose = batch_close,
    .xFilter = batch_filter,
    .xNext = batch_next,
    .xEof = batch_is_at_end,
    .xColumn = batch_column,
    .xRowid = batch_rowid,
};

int backupy_batch_register(sqlite3 *connection, const char *name, backupy_batch *batch) {
    return sqlite3_create_module(connection, name, &batch_module, batch);
}
