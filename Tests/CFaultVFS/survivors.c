#include "disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int write_file(const char *directory, const char *name, const unsigned char *bytes, int64_t byte_count) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    if (!file) return -1;
    size_t written = byte_count > 0 ? fwrite(bytes, 1, (size_t)byte_count, file) : 0;
    return fclose(file) == 0 && written == (size_t)byte_count ? 0 : -1;
}

static int copy_file(const fault_disk *disk, const char *name, const char *directory) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", disk->directory, name);
    FILE *file = fopen(path, "rb");
    if (!file) return errno == ENOENT ? 0 : -1;  // deleted past this VFS
    fseek(file, 0, SEEK_END);
    long byte_count = ftell(file);
    rewind(file);
    unsigned char *bytes = malloc((size_t)byte_count + 1);
    int is_read = fread(bytes, 1, (size_t)byte_count, file) == (size_t)byte_count;
    fclose(file);
    int code = is_read ? write_file(directory, name, bytes, byte_count) : -1;
    free(bytes);
    return code;
}

static int coin(void *context, int64_t index) {
    (void)index;
    return (int)(mix(context) & 1);
}

static int is_before(void *context, int64_t index) { return index < *(int64_t *)context; }

// What is left of a file's bytes.
static image left_over(const node *node, fault_survival survival, uint64_t *state, uint64_t limit) {
    image image = {malloc((size_t)node->durable_byte_count + 1), node->durable_byte_count};
    if (node->durable_byte_count > 0) memcpy(image.bytes, node->durable, (size_t)node->durable_byte_count);
    if (survival == SURVIVAL_NOTHING) return image;
    for (const change *change = node->first; change; change = change->next) {
        if (survival == SURVIVAL_PARTS) {
            image_apply(&image, change, coin, state);
        } else if (change->number < limit) {
            image_apply(&image, change, NULL, NULL);
        } else if (change->number == limit) {
            int64_t sectors = change->byte_count < 0 ? 1 : change->byte_count / SECTOR_BYTE_COUNT + 1;
            int64_t kept = (int64_t)(mix(state) % (uint64_t)(sectors + 1));
            image_apply(&image, change, is_before, &kept);
        }
    }
    return image;
}

// The number of some change that is not durable.
static uint64_t pick(const fault_disk *disk, uint64_t *state) {
    uint64_t count = 0, chosen = 0;
    for (const entry *entry = disk->names; entry; entry = entry->next)
        for (const change *change = entry->node->first; change; change = change->next)
            if (mix(state) % ++count == 0) chosen = change->number;
    for (const renaming *renaming = disk->first; renaming; renaming = renaming->next)
        if (mix(state) % ++count == 0) chosen = renaming->number;
    return chosen;
}

static int survive(fault_disk *disk, fault_survival survival, uint64_t seed, const char *directory) {
    if (survival == SURVIVAL_ALL) {
        for (const entry *entry = disk->names; entry; entry = entry->next)
            if (copy_file(disk, entry->name, directory) != 0) return -1;
        return 0;
    }
    uint64_t state = seed, limit = survival == SURVIVAL_TORN ? pick(disk, &state) : 0, renaming_count = 0;
    for (const renaming *renaming = disk->first; renaming; renaming = renaming->next)
        if (survival == SURVIVAL_PARTS || (survival == SURVIVAL_TORN && renaming->number <= limit)) renaming_count++;
    // A file system with a journal may lose the last changes of names, never one before another.
    if (survival == SURVIVAL_PARTS) renaming_count = mix(&state) % (renaming_count + 1);
    for (const entry *entry = disk->durable_names; entry; entry = entry->next) {
        const renaming *renaming = disk->first;
        int is_overruled = 0;
        for (uint64_t i = 0; i < renaming_count; i++, renaming = renaming->next)
            if (strcmp(renaming->name, entry->name) == 0) is_overruled = 1;
        if (is_overruled) continue;
        image image = left_over(entry->node, survival, &state, limit);
        int code = write_file(directory, entry->name, image.bytes, image.byte_count);
        free(image.bytes);
        if (code != 0) return -1;
    }
    const renaming *renaming = disk->first;
    for (uint64_t i = 0; i < renaming_count; i++, renaming = renaming->next) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", directory, renaming->name);
        remove(path);
        if (!renaming->node) continue;
        image image = left_over(renaming->node, survival, &state, limit);
        int code = write_file(directory, renaming->name, image.bytes, image.byte_count);
        free(image.bytes);
        if (code != 0) return -1;
    }
    return 0;
}

int fault_disk_survive(fault_disk *disk, fault_survival survival, uint64_t seed, const char *directory) {
    pthread_mutex_lock(&disk->lock);
    int code = disk->directory ? survive(disk, survival, seed, directory) : 0;
    pthread_mutex_unlock(&disk->lock);
    return code;
}
