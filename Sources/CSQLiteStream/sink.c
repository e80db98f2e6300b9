#include "backupy_sqlite_stream.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

struct backupy_sink {
    sqlite3_vfs vfs;
    backupy_sink_write write;
    void *context;
    sqlite3_int64 byte_count;
};

typedef struct {
    sqlite3_file base;
    backupy_sink *sink;
} sink_file;

static backupy_sink *sink_of(sqlite3_file *file) { return ((sink_file *)file)->sink; }

static int sink_close(sqlite3_file *file) {
    (void)file;
    return SQLITE_OK;
}

static int sink_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
    // Before the first write the file is empty. What was written is gone, so reading it must fail rather than lie.
    if (offset < sink_of(file)->byte_count) return SQLITE_IOERR_READ;
    memset(bytes, 0, (size_t)count);
    return SQLITE_IOERR_SHORT_READ;
}

static int sink_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
    backupy_sink *sink = sink_of(file);
    if (sink->write(sink->context, bytes, count, offset) != 0) return SQLITE_IOERR_WRITE;
    if (offset + count > sink->byte_count) sink->byte_count = offset + count;
    return SQLITE_OK;
}

static int sink_truncate(sqlite3_file *file, sqlite3_int64 size) {
    return size >= sink_of(file)->byte_count ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

static int sink_sync(sqlite3_file *file, int flags) {
    (void)file, (void)flags;
    return SQLITE_OK;
}

static int sink_size(sqlite3_file *file, sqlite3_int64 *size) {
    *size = sink_of(file)->byte_count;
    return SQLITE_OK;
}

static int sink_lock(sqlite3_file *file, int level) {
    (void)file, (void)level;
    return SQLITE_OK;
}

static int sink_reserved(sqlite3_file *file, int *is_reserved) {
    (void)file;
    *is_reserved = 0;
    return SQLITE_OK;
}

static int sink_control(sqlite3_file *file, int op, void *argument) {
    (void)file, (void)op, (void)argument;
    return SQLITE_NOTFOUND;
}

static int sink_sector(sqlite3_file *file) {
    (void)file;
    return 4096;
}

static int sink_device(sqlite3_file *file) {
    (void)file;
    return 0;
}

static const sqlite3_io_methods sink_methods = {
    1, sink_close, sink_read, sink_write, sink_truncate, sink_sync, sink_size, sink_lock, sink_lock, sink_reserved,
    sink_control, sink_sector, sink_device, NULL, NULL, NULL, NULL, NULL, NULL,
};

static int sink_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
    (void)name;
    file->pMethods = NULL;
    // No journal, no temporary file: nothing of the database may touch the disk.
    if (!(flags & SQLITE_OPEN_MAIN_DB)) return SQLITE_CANTOPEN;
    ((sink_file *)file)->sink = (backupy_sink *)vfs->pAppData;
    file->pMethods = &sink_methods;
    if (out_flags != NULL) *out_flags = flags;
    return SQLITE_OK;
}

static int sink_delete(sqlite3_vfs *vfs, const char *name, int sync_folder) {
    (void)vfs, (void)name, (void)sync_folder;
    return SQLITE_OK;
}

static int sink_access(sqlite3_vfs *vfs, const char *name, int flags, int *result) {
    (void)vfs, (void)name, (void)flags;
    *result = 0;
    return SQLITE_OK;
}

static int sink_full_path(sqlite3_vfs *vfs, const char *name, int capacity, char *full) {
    (void)vfs;
    sqlite3_snprintf(capacity, full, "%s", name);
    return SQLITE_OK;
}

backupy_sink *backupy_sink_register(const char *name, backupy_sink_write write, void *context) {
    sqlite3_vfs *next = sqlite3_vfs_find(NULL);
    if (next == NULL) return NULL;
    backupy_sink *sink = calloc(1, sizeof *sink);
    if (sink == NULL) return NULL;
    // Randomness and time are the default VFS's.
    sink->vfs = *next;
    sink->vfs.pNext = NULL;
    sink->vfs.zName = strdup(name);
    sink->vfs.szOsFile = (int)sizeof(sink_file);
    sink->vfs.pAppData = sink;
    sink->vfs.xOpen = sink_open;
    sink->vfs.xDelete = sink_delete;
    sink->vfs.xAccess = sink_access;
    sink->vfs.xFullPathname = sink_full_path;
    sink->write = write;
    sink->context = context;
    if (sink->vfs.zName == NULL || sqlite3_vfs_register(&sink->vfs, 0) != SQLITE_OK) {
        free((void *)sink->vfs.zName);
        free(sink);
        return NULL;
    }
    return sink;
}

void backupy_sink_unregister(backupy_sink *sink) {
    sqlite3_vfs_unregister(&sink->vfs);
    free((void *)sink->vfs.zName);
    free(sink);
}
