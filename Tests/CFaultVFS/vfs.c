#include "disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The default VFS's own file object follows in the same allocation.
typedef struct {
    sqlite3_file base;
    fault_disk *disk;
    node *node;            // NULL: a temporary file, which no one misses
    const char *name;
    int names_due;         // its first sync also synchronizes the directory
    sqlite3_file *real;
} fault_file;

static fault_file *self(sqlite3_file *file) { return (fault_file *)file; }
static sqlite3_file *real(sqlite3_file *file) { return self(file)->real; }

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int64_t real_size(sqlite3_file *file) {
    sqlite3_int64 size = 0;
    real(file)->pMethods->xFileSize(real(file), &size);
    return size;
}

static int file_close(sqlite3_file *file) {
    fault_disk *disk = self(file)->disk;
    pthread_mutex_lock(&disk->lock);
    disk_release(self(file)->node);
    pthread_mutex_unlock(&disk->lock);
    return real(file)->pMethods->xClose(real(file));
}

static int file_read(sqlite3_file *file, void *bytes, int byte_count, sqlite3_int64 offset) {
    fault_disk *disk = self(file)->disk;
    if (self(file)->node) {
        pthread_mutex_lock(&disk->lock);
        int is_due = disk->kind == FAULT_READ && disk->read_count + 1 == disk->at;
        if (!disk->is_dead) disk->read_count++;
        int fails = disk->is_dead || is_due;
        if (is_due) {
            disk->has_fired = 1;
            sqlite3_snprintf(sizeof disk->fired_at, disk->fired_at, "read %s", self(file)->name);
        }
        if (fails) disk->error = EIO;
        pthread_mutex_unlock(&disk->lock);
        if (fails) return SQLITE_IOERR_READ;
    }
    return real(file)->pMethods->xRead(real(file), bytes, byte_count, offset);
}

static int file_write(sqlite3_file *file, const void *bytes, int byte_count, sqlite3_int64 offset) {
    fault_disk *disk = self(file)->disk;
    if (!self(file)->node) return real(file)->pMethods->xWrite(real(file), bytes, byte_count, offset);
    pthread_mutex_lock(&disk->lock);
    int is_growing = offset + byte_count > real_size(file);
    int done = byte_count, code = SQLITE_OK;
    switch (disk_judge(disk, OPERATION_WRITE, self(file)->name, is_growing)) {
    case VERDICT_DO: break;
    case VERDICT_FAIL: done = 0; code = SQLITE_IOERR_WRITE; break;
    case VERDICT_HALF: done = byte_count / 2; code = SQLITE_IOERR_WRITE; break;
    case VERDICT_FULL: done = is_growing ? byte_count / 3 : 0; code = SQLITE_FULL; break;
    case VERDICT_LAST: code = SQLITE_IOERR_WRITE; break;
    default: done = 0; code = SQLITE_IOERR_WRITE; break;
    }
    if (done > 0) {
        int written = real(file)->pMethods->xWrite(real(file), bytes, done, offset);
        if (written == SQLITE_OK) disk_note(disk, self(file)->node, bytes, done, offset); else code = written;
    }
    pthread_mutex_unlock(&disk->lock);
    return code;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size) {
    fault_disk *disk = self(file)->disk;
    if (!self(file)->node) return real(file)->pMethods->xTruncate(real(file), size);
    pthread_mutex_lock(&disk->lock);
    verdict verdict = disk_judge(disk, OPERATION_CUT, self(file)->name, 0);
    int code = verdict == VERDICT_DO ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
    if (verdict == VERDICT_DO || verdict == VERDICT_LAST) {
        int cut = real(file)->pMethods->xTruncate(real(file), size);
        if (cut == SQLITE_OK) disk_note(disk, self(file)->node, NULL, -1, size); else code = cut;
    }
    pthread_mutex_unlock(&disk->lock);
    return code;
}

static int synchronize_names(fault_disk *disk, const char *name) {
    if (disk_judge(disk, OPERATION_SYNC_DIRECTORY, name, 0) != VERDICT_DO) return SQLITE_IOERR_DIR_FSYNC;
    disk_synchronize_names(disk);
    return SQLITE_OK;
}

// The files themselves are not synchronized: only the model's power can fail.
static int file_sync(sqlite3_file *file, int flags) {
    fault_disk *disk = self(file)->disk;
    (void)flags;
    if (!self(file)->node) return SQLITE_OK;
    pthread_mutex_lock(&disk->lock);
    verdict verdict = disk_judge(disk, OPERATION_SYNC, self(file)->name, 0);
    int code = SQLITE_IOERR_FSYNC;
    if (verdict == VERDICT_LOSE) disk_lose(disk, self(file)->node);
    if (verdict == VERDICT_DO) {
        disk_synchronize(self(file)->node);
        code = SQLITE_OK;
        if (self(file)->names_due) {
            self(file)->names_due = 0;
            code = synchronize_names(disk, self(file)->name);
        }
    }
    pthread_mutex_unlock(&disk->lock);
    return code;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size) {
    return real(file)->pMethods->xFileSize(real(file), size);
}
static int file_lock(sqlite3_file *file, int level) { return real(file)->pMethods->xLock(real(file), level); }
static int file_unlock(sqlite3_file *file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
static int file_check_lock(sqlite3_file *file, int *is_reserved) {
    return real(file)->pMethods->xCheckReservedLock(real(file), is_reserved);
}
static int file_control(sqlite3_file *file, int operation, void *argument) {
    return real(file)->pMethods->xFileControl(real(file), operation, argument);
}
static int file_sector_size(sqlite3_file *file) { return real(file)->pMethods->xSectorSize(real(file)); }
static int file_characteristics(sqlite3_file *file) {
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int file_map(sqlite3_file *file, int region, int size, int extends, void volatile **memory) {
    fault_disk *disk = self(file)->disk;
    verdict verdict = VERDICT_DO;
    pthread_mutex_lock(&disk->lock);
    if (disk->is_dead) verdict = VERDICT_DEAD;
    else if (extends) verdict = disk_judge(disk, OPERATION_MAP, self(file)->name, 1);
    pthread_mutex_unlock(&disk->lock);
    if (verdict == VERDICT_DO) return real(file)->pMethods->xShmMap(real(file), region, size, extends, memory);
    *memory = NULL;
    return verdict == VERDICT_FULL ? SQLITE_IOERR_SHMSIZE : SQLITE_IOERR_SHMMAP;
}
static int file_map_lock(sqlite3_file *file, int offset, int count, int flags) {
    return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
static void file_map_barrier(sqlite3_file *file) { real(file)->pMethods->xShmBarrier(real(file)); }
static int file_unmap(sqlite3_file *file, int deletes) { return real(file)->pMethods->xShmUnmap(real(file), deletes); }

// Version 2: without memory-mapped reads and writes, which would go past this.
static const sqlite3_io_methods methods = {
    2, file_close, file_read, file_write, file_truncate, file_sync, file_size, file_lock, file_unlock, file_check_lock,
    file_control, file_sector_size, file_characteristics, file_map, file_map_lock, file_map_barrier, file_unmap,
    NULL, NULL};

static fault_disk *disk_of(sqlite3_vfs *vfs) { return (fault_disk *)vfs; }

static int is_kept(const char *path, int flags) {
    return path && flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL);
}

static void learn_directory(fault_disk *disk, const char *path) {
    if (disk->directory) return;
    disk->directory = strndup(path, (size_t)(last_part(path) - path));
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *file, int flags, int *out_flags) {
    fault_disk *disk = disk_of(vfs);
    fault_file *opened = self(file);
    memset(opened, 0, sizeof *opened);
    opened->disk = disk;
    opened->real = (sqlite3_file *)(opened + 1);
    node *known = NULL;
    verdict verdict = VERDICT_DO;
    pthread_mutex_lock(&disk->lock);
    if (is_kept(path, flags)) {
        learn_directory(disk, path);
        opened->name = last_part(path);
        int exists = access(path, F_OK) == 0;
        known = disk_look_up(disk, opened->name);
        if (known && !exists) {
            // Deleted by someone else, past this VFS.
            disk_delete_name(disk, opened->name);
            known = NULL;
        }
        if (!known && exists) known = disk_make_name(disk, opened->name, path);
        if (!known && flags & SQLITE_OPEN_CREATE) {
            verdict = disk_judge(disk, OPERATION_MAKE, opened->name, 1);
            if (verdict == VERDICT_DO || verdict == VERDICT_LAST) known = disk_make_name(disk, opened->name, NULL);
        }
        opened->names_due = flags & SQLITE_OPEN_CREATE && flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL);
    }
    if (disk->is_dead && verdict == VERDICT_DO) verdict = VERDICT_DEAD;
    pthread_mutex_unlock(&disk->lock);
    if (verdict == VERDICT_LAST) {
        // It was made, and that was all.
        int ignored;
        if (disk->real->xOpen(disk->real, path, opened->real, flags, &ignored) == SQLITE_OK)
            opened->real->pMethods->xClose(opened->real);
    }
    if (verdict != VERDICT_DO) return SQLITE_CANTOPEN;
    int code = disk->real->xOpen(disk->real, path, opened->real, flags, out_flags);
    if (code != SQLITE_OK) return code;
    pthread_mutex_lock(&disk->lock);
    disk_hold(known);
    pthread_mutex_unlock(&disk->lock);
    opened->node = known;
    opened->base.pMethods = &methods;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int synchronizes) {
    fault_disk *disk = disk_of(vfs);
    pthread_mutex_lock(&disk->lock);
    const char *name = last_part(path);
    verdict verdict = disk_judge(disk, OPERATION_DELETE, name, 0);
    int code = verdict == VERDICT_DO ? SQLITE_OK : SQLITE_IOERR_DELETE;
    if (verdict == VERDICT_DO || verdict == VERDICT_LAST) {
        int deleted = disk->real->xDelete(disk->real, path, 0);
        if (deleted == SQLITE_OK) disk_delete_name(disk, name);
        else if (code == SQLITE_OK) code = deleted;
    }
    if (code == SQLITE_OK && synchronizes) code = synchronize_names(disk, name);
    pthread_mutex_unlock(&disk->lock);
    return code;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *result) {
    fault_disk *disk = disk_of(vfs);
    if (disk->is_dead) return SQLITE_IOERR_ACCESS;
    return disk->real->xAccess(disk->real, path, flags, result);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int byte_count, char *out) {
    return disk_of(vfs)->real->xFullPathname(disk_of(vfs)->real, path, byte_count, out);
}
static int vfs_randomness(sqlite3_vfs *vfs, int byte_count, char *out) {
    return disk_of(vfs)->real->xRandomness(disk_of(vfs)->real, byte_count, out);
}
static int vfs_sleep(sqlite3_vfs *vfs, int microseconds) {
    return disk_of(vfs)->real->xSleep(disk_of(vfs)->real, microseconds);
}
static int vfs_time(sqlite3_vfs *vfs, double *days) {
    return disk_of(vfs)->real->xCurrentTime(disk_of(vfs)->real, days);
}
static int vfs_time64(sqlite3_vfs *vfs, sqlite3_int64 *milliseconds) {
    return disk_of(vfs)->real->xCurrentTimeInt64(disk_of(vfs)->real, milliseconds);
}
static int vfs_last_error(sqlite3_vfs *vfs, int byte_count, char *text) {
    (void)byte_count;
    (void)text;
    return disk_of(vfs)->error;
}

fault_disk *fault_disk_make(const char *vfs_name) {
    fault_disk *disk = calloc(1, sizeof *disk);
    if (!disk) return NULL;
    disk->real = sqlite3_vfs_find(NULL);
    pthread_mutex_init(&disk->lock, NULL);
    disk->vfs.iVersion = 2;
    disk->vfs.szOsFile = (int)sizeof(fault_file) + disk->real->szOsFile;
    disk->vfs.mxPathname = disk->real->mxPathname;
    disk->vfs.zName = strdup(vfs_name);
    disk->vfs.xOpen = vfs_open;
    disk->vfs.xDelete = vfs_delete;
    disk->vfs.xAccess = vfs_access;
    disk->vfs.xFullPathname = vfs_full_path;
    disk->vfs.xRandomness = vfs_randomness;
    disk->vfs.xSleep = vfs_sleep;
    disk->vfs.xCurrentTime = vfs_time;
    disk->vfs.xCurrentTimeInt64 = vfs_time64;
    disk->vfs.xGetLastError = vfs_last_error;
    sqlite3_vfs_register(&disk->vfs, 0);
    return disk;
}

void fault_disk_free(fault_disk *disk) {
    sqlite3_vfs_unregister(&disk->vfs);
    disk_release_all(disk);
    pthread_mutex_destroy(&disk->lock);
    free((char *)disk->vfs.zName);
    free(disk->directory);
    free(disk);
}

void fault_disk_arm(fault_disk *disk, fault_kind kind, uint64_t operation, uint64_t seed) {
    pthread_mutex_lock(&disk->lock);
    disk->kind = kind;
    disk->at = operation;
    disk->seed = seed;
    disk->operation_count = disk->read_count = 0;
    disk->is_full = disk->has_fired = 0;
    disk->fired_at[0] = 0;
    pthread_mutex_unlock(&disk->lock);
}

void fault_disk_make_room(fault_disk *disk) {
    pthread_mutex_lock(&disk->lock);
    disk->is_full = 0;
    disk->at = 0;
    pthread_mutex_unlock(&disk->lock);
}

static uint64_t read_number(fault_disk *disk, const uint64_t *number) {
    pthread_mutex_lock(&disk->lock);
    uint64_t value = *number;
    pthread_mutex_unlock(&disk->lock);
    return value;
}

uint64_t fault_disk_operation_count(fault_disk *disk) { return read_number(disk, &disk->operation_count); }
uint64_t fault_disk_read_count(fault_disk *disk) { return read_number(disk, &disk->read_count); }

int fault_disk_has_fired(fault_disk *disk) {
    pthread_mutex_lock(&disk->lock);
    int value = disk->has_fired;
    pthread_mutex_unlock(&disk->lock);
    return value;
}

int fault_disk_is_sync(fault_disk *disk, uint64_t operation) {
    return operation < sizeof disk->kinds && disk->kinds[operation] == OPERATION_SYNC;
}

const char *fault_disk_fired_at(fault_disk *disk) { return disk->fired_at; }
