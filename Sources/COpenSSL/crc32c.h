// CRC-32C (Castagnoli) with the processor's own instruction, where there is one.
// It lives in a header because a system library target has no sources; Swift imports the inline functions.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

// 1 when `backupy_crc32c_hardware` may be called on this processor.
static inline int backupy_crc32c_is_available(void) {
    unsigned int a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 20)) != 0;  // SSE4.2, Intel SDM volume 2, CPUID leaf 1
}

// The raw register value after `count` more bytes: the caller does the inversion before and after.
__attribute__((target("sse4.2")))
static inline uint32_t backupy_crc32c_hardware(uint32_t value, const void *bytes, size_t count) {
    const unsigned char *next = (const unsigned char *)bytes;
    uint64_t wide = value;
    for (; count >= 8; count -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    value = (uint32_t)wide;
    for (; count > 0; count -= 1, next += 1) value = __builtin_ia32_crc32qi(value, *next);
    return value;
}
#else
static inline int backupy_crc32c_is_available(void) { return 0; }

static inline uint32_t backupy_crc32c_hardware(uint32_t value, const void *bytes, size_t count) {
    (void)bytes;
    (void)count;
    return value;
}
#endif
