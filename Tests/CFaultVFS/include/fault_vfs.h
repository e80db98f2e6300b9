// A SQLite VFS for tests: the default one, over a disk that fails when it is told to, and of which a power cut leaves
// only what was synchronized, or more, or parts of it.
//
// Files lie where their names say, so that everything else works on them as ever. What would survive a power cut is
// kept beside them in memory: for each file the bytes that a sync has made durable and the changes since, for the
// directory the names that a sync of it has made durable and the changes since. All files of a disk lie in one
// directory. Synchronizing a file makes its bytes durable, not its name, as POSIX has it.
#ifndef FAULT_VFS_H
#define FAULT_VFS_H

#include <stdint.h>

typedef struct fault_disk fault_disk;

// What happens at an operation. Operations are: a file is made, written, cut, synchronized, deleted, its directory is
// synchronized, shared memory is mapped. Reads are counted apart.
typedef enum {
    FAULT_NONE = 0,
    FAULT_IO = 1,       // it fails once with an I/O error; of a write, half may have been done
    FAULT_FULL = 2,     // there is no room from then on, until there is again
    FAULT_SYNC = 3,     // when it synchronizes a file, it fails, and what was to become durable never does
    FAULT_POWER = 4,    // it is done, and then nothing is any more
    FAULT_READ = 5      // the read of that number fails once with an I/O error
} fault_kind;

// What a power cut leaves of what was not synchronized.
typedef enum {
    SURVIVAL_NOTHING = 0,
    SURVIVAL_ALL = 1,      // and what a killed process leaves: the page cache as it was
    SURVIVAL_PARTS = 2,    // of each file any sectors, of the directory's changes the first few
    SURVIVAL_TORN = 3      // everything up to some change, and the first sectors of that one
} fault_survival;

// Makes a disk and registers its VFS under a name of its own; NULL when memory is out.
fault_disk *fault_disk_make(const char *vfs_name);
// Removes the VFS. Every connection through it must be closed.
void fault_disk_free(fault_disk *disk);

// Has a fault happen at an operation, counted from 1 from now on. The seed decides what its kind leaves open.
void fault_disk_arm(fault_disk *disk, fault_kind kind, uint64_t operation, uint64_t seed);
// There is room again.
void fault_disk_make_room(fault_disk *disk);
// Operations and reads since the disk was armed.
uint64_t fault_disk_operation_count(fault_disk *disk);
uint64_t fault_disk_read_count(fault_disk *disk);
// Whether that operation synchronized a file. Known of the first 65 536.
int fault_disk_is_sync(fault_disk *disk, uint64_t operation);
// Whether the fault has happened. For a full disk: whether something was refused.
int fault_disk_has_fired(fault_disk *disk);
// What was done when it happened, such as “write log.sqlite-wal”.
const char *fault_disk_fired_at(fault_disk *disk);

// Writes what a power cut now would leave into another directory; 0, or -1 when that cannot be written.
int fault_disk_survive(fault_disk *disk, fault_survival survival, uint64_t seed, const char *directory);

#endif
