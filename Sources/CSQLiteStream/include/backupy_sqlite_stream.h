// Two small SQLite VFSs with which a consistent image of a live database streams out in page order, in bounded memory,
// and without a copy on disk.
//
// The source VFS passes everything on to the default one and remembers page 1 as it was last read, from the database or
// from its WAL. The sink VFS is a database file that cannot be read: what SQLite's pager writes goes to a function.
// Both are registered under names of their own for one dump and removed after it.
#ifndef BACKUPY_SQLITE_STREAM_H
#define BACKUPY_SQLITE_STREAM_H

typedef struct backupy_source backupy_source;
typedef struct backupy_sink backupy_sink;

// Gets what is written to the sink. Returns 0, or another number to fail the write.
typedef int (*backupy_sink_write)(void *context, const void *bytes, int byte_count, long long offset);

// Registers a source VFS; NULL when memory is out. The name is copied.
backupy_source *backupy_source_register(const char *name);
// Page 1 as last read while watching, with its size in bytes; NULL when it was not read.
const unsigned char *backupy_source_first_page(const backupy_source *source, int *byte_count);
// Stops looking at what is read.
void backupy_source_stop_watching(backupy_source *source);
// Removes the VFS. Every connection through it must be closed.
void backupy_source_unregister(backupy_source *source);

// Registers a sink VFS; NULL when memory is out. The name is copied.
backupy_sink *backupy_sink_register(const char *name, backupy_sink_write write, void *context);
// Removes the VFS. Every connection through it must be closed.
void backupy_sink_unregister(backupy_sink *sink);

#endif
