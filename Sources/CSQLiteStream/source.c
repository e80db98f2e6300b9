#include "backupy_sqlite_stream.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

// SQLite's largest page. Source: sqlite.org, "Database File Format", 1.3.2.
#define MAXIMUM_PAGE_BYTE_COUNT 65536
#define MINIMUM_PAGE_BYTE_COUNT 512

struct backupy_source {
    sqlite3_vfs vfs;
    sqlite3_vfs *next;
    int is_watching;
    int first_page_byte_count;
    unsigned char first_page[MAXIMUM_PAGE_BYTE_COUNT];
};

// The default VFS's own file object follows in the same allocation.
typedef struct {
    sqlite3_file base;
    backupy_source *source;
    sqlite3_file *real;
} source_file;

static source_file *self(sqlite3_file *file) { return (source_file *)file; }
static sqlite3_file *real(sqlite3_file *file) { return self(file)->real; }

static int source_close(sqlite3_file *file) { return real(file)->pMethods->xClose(real(file)); }

static int source_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
    int result = real(file)->pMethods->xRead(real(file), bytes, count, offset);
    backupy_source *source = self(file)->source;
    // No other page can begin so: their first bytes are small page types or page numbers.
    if (result == SQLITE_OK && source->is_watching && count >= MINIMUM_PAGE_BYTE_COUNT
        && count <= MAXIMUM_PAGE_BYTE_COUNT && memcmp(bytes, "SQLite format 3", 16) == 0) {
        memcpy(source->first_page, bytes, (size_t)count);
        source->first_page_byte_count = count;
    }
    return result;
}

static int source_write(sqlite3_file *f, const void *bytes, int count, sqlite3_int64 offset) {
    return real(f)->pMethods->xWrite(real(f), bytes, count, offset);
}
static int source_truncate(sqlite3_file *f, sqlite3_int64 size) { return real(f)->pMethods->xTruncate(real(f), size); }
static int source_sync(sqlite3_file *f, int flags) { return real(f)->pMethods->xSync(real(f), flags); }
static int source_size(sqlite3_file *f, sqlite3_int64 *size) { return real(f)->pMethods->xFileSize(real(f), size); }
static int source_lock(sqlite3_file *f, int level) { return real(f)->pMethods->xLock(real(f), level); }
static int source_unlock(sqlite3_file *f, int level) { return real(f)->pMethods->xUnlock(real(f), level); }
static int source_reserved(sqlite3_file *f, int *is) { return real(f)->pMethods->xCheckReservedLock(real(f), is); }
static int source_control(sqlite3_file *f, int op, void *arg) {
    return real(f)->pMethods->xFileControl(real(f), op, arg);
}
static int source_sector(sqlite3_file *f) { return real(f)->pMethods->xSectorSize(real(f)); }
static int source_device(sqlite3_file *f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }
static int source_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **memory) {
    return real(f)->pMethods->xShmMap(real(f), region, size, extend, memory);
}
static int source_shm_lock(sqlite3_file *f, int offset, int count, int flags) {
    return real(f)->pMethods->xShmLock(real(f), offset, count, flags);
}
static void source_shm_barrier(sqlite3_file *f) { real(f)->pMethods->xShmBarrier(real(f)); }
static int source_shm_unmap(sqlite3_file *f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); }

// Version 2: with shared memory for the WAL, without memory mapping, which would pass the reads by.
static const sqlite3_io_methods source_methods = {
    2, source_close, source_read, source_write, source_truncate, source_sync, source_size, source_lock, source_unlock,
    source_reserved, source_control, source_sector, source_device, source_shm_map, source_shm_lock, source_shm_barrier,
    source_shm_unmap, NULL, NULL,
};

static int source_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
    backupy_source *source = (backupy_source *)vfs->pAppData;
    source_file *mine = self(file);
    mine->base.pMethods = NULL;
    mine->source = source;
    mine->real = (sqlite3_file *)(mine + 1);
    int result = source->next->xOpen(source->next, name, mine->real, flags, out_flags);
    if (mine->real->pMethods != NULL) {
        if (mine->real->pMethods->iVersion < 2) {
            mine->real->pMethods->xClose(mine->real);
            return SQLITE_CANTOPEN;
        }
        mine->base.pMethods = &source_methods;
    }
    return result;
}

backupy_source *backupy_source_register(const char *name) {
    sqlite3_vfs *next = sqlite3_vfs_find(NULL);
    if (next == NULL) return NULL;
    backupy_source *source = calloc(1, sizeof *source);
    if (source == NULL) return NULL;
    // Everything but opening is the default VFS's own; its functions find what they need in their arguments.
    source->vfs = *next;
    source->vfs.pNext = NULL;
    source->vfs.zName = strdup(name);
    source->vfs.szOsFile = (int)sizeof(source_file) + next->szOsFile;
    source->vfs.pAppData = source;
    source->vfs.xOpen = source_open;
    source->next = next;
    source->is_watching = 1;
    if (source->vfs.zName == NULL || sqlite3_vfs_register(&source->vfs, 0) != SQLITE_OK) {
        free((void *)source->vfs.zName);
        free(source);
        return NULL;
    }
    return source;
}

const unsigned char *backupy_source_first_page(const backupy_source *source, int *byte_count) {
    *byte_count = source->first_page_byte_count;
    return source->first_page_byte_count > 0 ? source->first_page : NULL;
}

void backupy_source_stop_watching(backupy_source *source) { source->is_watching = 0; }

void backupy_source_unregister(backupy_source *source) {
    sqlite3_vfs_unregister(&source->vfs);
    free((void *)source->vfs.zName);
    free(source);
}
