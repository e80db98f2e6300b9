// Makes what a dump of a database looks like: rows of names, numbers, addresses and digests, the same ones each time.
//
//     dump MEGABYTES >FILE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 42;

static uint64_t draw(uint64_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % limit;
}

static const char *words[] = {
    "amber", "river", "copper", "garden", "winter", "signal", "harbour", "meadow", "lantern", "orchard", "velvet",
    "granite", "thunder", "whisper", "compass", "feather", "horizon", "marble", "pepper", "saffron", "timber", "voyage",
    "willow", "zephyr", "anchor", "beacon", "cinder", "delta", "ember", "falcon", "glacier", "hollow",
};

static const char *word(void) { return words[draw(sizeof words / sizeof *words)]; }

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: dump MEGABYTES >FILE\n");
        return 2;
    }
    long limit = atol(arguments[1]) * 1000000, written = 0;
    for (long row = 1; written < limit; row++) {
        written += printf(
            "INSERT INTO customers VALUES (%ld, '%s %s', '%s.%s%llu@example.org', '2024-%02llu-%02llu %02llu:%02llu:%02llu',"
            " %llu.%02llu, '%016llx', '%s %s %s %s %s');\n",
            row, word(), word(), word(), word(), (unsigned long long)draw(10000), (unsigned long long)draw(12) + 1,
            (unsigned long long)draw(28) + 1, (unsigned long long)draw(24), (unsigned long long)draw(60),
            (unsigned long long)draw(60), (unsigned long long)draw(100000), (unsigned long long)draw(100),
            (unsigned long long)(draw(UINT64_MAX)), word(), word(), word(), word(), word());
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
