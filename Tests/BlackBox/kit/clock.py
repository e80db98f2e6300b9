"""A wall clock that is elsewhere than the machine's."""
from kit.storage import preload

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long shift(void) {
    const char *seconds = getenv("WALL_CLOCK_SHIFT_SECONDS");
    return seconds ? atol(seconds) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*next)(clockid_t, struct timespec *);
    if (!next) next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int code = next(clock, time);
    if (code == 0 && clock == CLOCK_REALTIME) time->tv_sec += shift();
    return code;
}

int gettimeofday(struct timeval *time, void *zone) {
    static int (*next)(struct timeval *, void *);
    if (!next) next = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
    int code = next(time, zone);
    if (code == 0) time->tv_sec += shift();
    return code;
}
"""


def shifted(directory, seconds):
    """The environment of a process whose wall clock is so many seconds ahead; behind, if negative."""
    return {"LD_PRELOAD": preload(directory, "shifted_clock", SHIM), "WALL_CLOCK_SHIFT_SECONDS": str(seconds)}
