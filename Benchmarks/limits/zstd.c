// The limit for a backup's stream: zstd alone, from a file into a buffer that nobody looks at.
//
//     zstd FILE LEVEL WORKERS     prints megabytes (10^6 bytes) of the file per second
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zstd.h>

enum { piece_size = 1 << 20 };

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: zstd FILE LEVEL WORKERS\n");
        return 2;
    }
    FILE *file = fopen(arguments[1], "rb");
    ZSTD_CCtx *context = ZSTD_createCCtx();
    char *in = malloc(piece_size), *out = malloc(piece_size);
    if (file == NULL || context == NULL || in == NULL || out == NULL) {
        fprintf(stderr, "zstd: %s cannot be read\n", arguments[1]);
        return 1;
    }
    setvbuf(file, NULL, _IONBF, 0);
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, atoi(arguments[2]));
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    ZSTD_CCtx_setParameter(context, ZSTD_c_nbWorkers, atoi(arguments[3]));
    double start = seconds();
    double total = 0;
    for (;;) {
        size_t size = fread(in, 1, piece_size, file);
        total += (double)size;
        ZSTD_EndDirective directive = size == 0 ? ZSTD_e_end : ZSTD_e_continue;
        ZSTD_inBuffer input = {in, size, 0};
        size_t rest;
        do {
            ZSTD_outBuffer output = {out, piece_size, 0};
            rest = ZSTD_compressStream2(context, &output, &input, directive);
            if (ZSTD_isError(rest)) return 1;
        } while (input.pos < input.size || (directive == ZSTD_e_end && rest > 0));
        if (size == 0) break;
    }
    printf("%.1f\n", total / (seconds() - start) / 1e6);
    ZSTD_freeCCtx(context);
    free(in);
    free(out);
    return fclose(file);
}
