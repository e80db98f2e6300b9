"""File systems that are small, and syncs that fail."""
import ctypes
import os
import shutil
import subprocess

from .checks import Skipped

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fails the syncs of files whose name ends as told, once a trigger file is there. */
static int fails(int descriptor) {
    const char *trigger = getenv("FAILING_SYNC_TRIGGER"), *end = getenv("FAILING_SYNC_FILE");
    char link[64], path[PATH_MAX];
    if (!trigger || !end || access(trigger, F_OK) != 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t count = readlink(link, path, sizeof path - 1);
    if (count < (ssize_t)strlen(end)) return 0;
    path[count] = 0;
    return strcmp(path + count - strlen(end), end) == 0;
}

#define FAILING(name)                                                            \
    int name(int descriptor) {                                                   \
        static int (*next)(int);                                                 \
        if (!next) next = (int (*)(int))dlsym(RTLD_NEXT, #name);                 \
        if (fails(descriptor)) { errno = EIO; return -1; }                       \
        return next(descriptor);                                                 \
    }
FAILING(fsync)
FAILING(fdatasync)

/* The handlers of exit run while other threads still use what they take down. The first to be registered runs last: once
   OpenSSL is gone it leaves a sign, and waits, so that a thread that needs it comes to grief. */
static void leaving(void) {
    const char *marker = getenv("EXIT_HANDLERS_MARKER");
    int descriptor = marker ? open(marker, O_CREAT | O_WRONLY, 0600) : -1;
    if (descriptor < 0) return;
    close(descriptor);
    usleep(1000 * 1000);
}

__attribute__((constructor)) static void entered(void) { atexit(leaving); }
"""


def preload(directory, name, code):
    """A library to preload, from C."""
    compiler = shutil.which("cc") or shutil.which("clang") or shutil.which("gcc")
    if compiler is None:
        raise Skipped("there is no C compiler")
    source, library = os.path.join(directory, f"{name}.c"), os.path.join(directory, f"{name}.so")
    with open(source, "w", encoding="ascii") as file:
        file.write(code)
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skipped(f"{compiler} makes no library: {done.stderr[-200:]}")
    return library


def failing_sync(directory):
    """A library to preload, with which syncs fail, and handlers of exit leave a sign; see SHIM."""
    return preload(directory, "failing_sync", SHIM)


class SmallFileSystem:
    """A file system in memory, of a size; there while the `with` block runs."""

    def __init__(self, path, byte_count):
        self.path, self.byte_count = path, byte_count
        self.filler = os.path.join(path, "filler")

    def __enter__(self):
        os.makedirs(self.path, exist_ok=True)
        libc = ctypes.CDLL(None, use_errno=True)
        options = f"size={self.byte_count},mode=0755".encode()
        if libc.mount(b"tmpfs", self.path.encode(), b"tmpfs", 0, options) != 0:
            raise Skipped(f"no file system can be mounted here: {os.strerror(ctypes.get_errno())}")
        return self

    def __exit__(self, *_):
        lazily = 2
        ctypes.CDLL(None).umount2(self.path.encode(), lazily)

    @property
    def free(self):
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def fill(self, leaving=0):
        """Takes all room but so many bytes."""
        with open(self.filler, "ab") as file:
            while self.free > leaving:
                piece = min(self.free - leaving, 1 << 20)
                try:
                    file.write(b"\0" * piece)
                    file.flush()
                except OSError:
                    return

    def make_room(self):
        os.unlink(self.filler)
