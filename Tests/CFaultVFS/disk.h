// The disk behind the VFS: what is durable, what is not yet, and when to fail.
#ifndef FAULT_DISK_H
#define FAULT_DISK_H

#include "fault_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stddef.h>

#define SECTOR_BYTE_COUNT 512

// A write, or a cut to a size.
typedef struct change {
    struct change *next;
    uint64_t number;       // of all changes of the disk
    int64_t offset;        // where it was written, or the size after the cut
    int64_t byte_count;    // -1: a cut
    unsigned char bytes[];
} change;

typedef struct node {
    unsigned char *durable;
    int64_t durable_byte_count;
    change *first, *last;  // since the last sync
    int holders;
} node;

typedef struct entry {
    struct entry *next;
    char *name;
    node *node;
} entry;

// A name that was made or deleted since the directory was synchronized.
typedef struct renaming {
    struct renaming *next;
    uint64_t number;
    char *name;
    node *node;            // NULL: deleted
} renaming;

struct fault_disk {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    pthread_mutex_t lock;
    char *directory;       // of the files seen so far
    entry *names, *durable_names;
    renaming *first, *last;
    uint64_t change_count;

    fault_kind kind;
    uint64_t at, seed, operation_count, read_count;
    int is_dead, is_full, has_fired;
    char fired_at[160];
    unsigned char kinds[65536];
    int error;             // errno of the last failure
};

typedef enum { OPERATION_MAKE, OPERATION_WRITE, OPERATION_CUT, OPERATION_SYNC, OPERATION_DELETE, OPERATION_SYNC_DIRECTORY,
               OPERATION_MAP } operation;

// What is to become of an operation.
typedef enum { VERDICT_DO, VERDICT_FAIL, VERDICT_HALF, VERDICT_FULL, VERDICT_LOSE, VERDICT_LAST, VERDICT_DEAD } verdict;

// All of these are called with the lock held.
verdict disk_judge(fault_disk *disk, operation operation, const char *name, int is_growing);
node *disk_look_up(fault_disk *disk, const char *name);
node *disk_make_name(fault_disk *disk, const char *name, const char *existing_path);
void disk_delete_name(fault_disk *disk, const char *name);
void disk_note(fault_disk *disk, node *node, const void *bytes, int64_t byte_count, int64_t offset);
void disk_synchronize(node *node);
void disk_lose(fault_disk *disk, node *node);
void disk_synchronize_names(fault_disk *disk);
// A file that is open keeps its bytes when its name is gone.
void disk_hold(node *node);
void disk_release(node *node);
void disk_release_all(fault_disk *disk);

// Applies a change, or the sectors of it that `keeps` answers for, to an image that grows as needed.
typedef struct { unsigned char *bytes; int64_t byte_count; } image;
typedef int (*sector_choice)(void *context, int64_t index);
void image_apply(image *image, const change *change, sector_choice keeps, void *context);
uint64_t mix(uint64_t *state);

#endif
