#include "disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t mix(uint64_t *state) {
    uint64_t value = (*state += 0x9E3779B97F4A7C15u);
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
    value = (value ^ value >> 27) * 0x94D049BB133111EBu;
    return value ^ value >> 31;
}

static const char *words[] = {"make", "write", "cut", "synchronize", "delete", "synchronize the directory after", "map"};

static void fire(fault_disk *disk, operation operation, const char *name) {
    if (disk->has_fired) return;
    disk->has_fired = 1;
    snprintf(disk->fired_at, sizeof disk->fired_at, "%s %s", words[operation], name);
}

verdict disk_judge(fault_disk *disk, operation operation, const char *name, int is_growing) {
    if (disk->is_dead) {
        disk->error = EIO;
        return VERDICT_DEAD;
    }
    int is_due = ++disk->operation_count == disk->at;
    if (disk->operation_count < sizeof disk->kinds) disk->kinds[disk->operation_count] = (unsigned char)operation;
    switch (disk->kind) {
    case FAULT_IO:
        if (!is_due) return VERDICT_DO;
        fire(disk, operation, name);
        disk->error = EIO;
        return operation == OPERATION_WRITE && disk->seed % 2 ? VERDICT_HALF : VERDICT_FAIL;
    case FAULT_FULL: {
        if (is_due) disk->is_full = 1;
        // An odd seed is a file system that needs room even for what lies there already.
        int needs_room = operation == OPERATION_MAKE || operation == OPERATION_MAP
            || (operation == OPERATION_WRITE && (is_growing || disk->seed % 2));
        if (!disk->is_full || !needs_room) return VERDICT_DO;
        fire(disk, operation, name);
        disk->error = ENOSPC;
        return VERDICT_FULL;
    }
    case FAULT_SYNC:
        if (!is_due || operation != OPERATION_SYNC) return VERDICT_DO;
        fire(disk, operation, name);
        disk->error = EIO;
        return VERDICT_LOSE;
    case FAULT_POWER:
        if (!is_due) return VERDICT_DO;
        fire(disk, operation, name);
        disk->error = EIO;
        disk->is_dead = 1;
        return VERDICT_LAST;
    case FAULT_NONE:
    case FAULT_READ: return VERDICT_DO;
    }
    return VERDICT_DO;
}

static entry **find(entry **list, const char *name) {
    while (*list && strcmp((*list)->name, name) != 0) list = &(*list)->next;
    return list;
}

static void drop_changes(node *node) {
    while (node->first) {
        change *next = node->first->next;
        free(node->first);
        node->first = next;
    }
    node->last = NULL;
}

void disk_release(node *node) {
    if (!node || --node->holders > 0) return;
    drop_changes(node);
    free(node->durable);
    free(node);
}

static void set(entry **list, const char *name, node *target) {
    entry **place = find(list, name);
    if (target) target->holders++;
    if (*place && target) {
        disk_release((*place)->node);
        (*place)->node = target;
    } else if (*place) {
        entry *gone = *place;
        *place = gone->next;
        disk_release(gone->node);
        free(gone->name);
        free(gone);
    } else if (target) {
        entry *added = calloc(1, sizeof *added);
        added->name = strdup(name);
        added->node = target;
        *place = added;
    }
}

static void rename_later(fault_disk *disk, const char *name, node *target) {
    renaming *added = calloc(1, sizeof *added);
    added->number = ++disk->change_count;
    added->name = strdup(name);
    added->node = target;
    if (target) target->holders++;
    if (disk->last) disk->last->next = added; else disk->first = added;
    disk->last = added;
}

node *disk_look_up(fault_disk *disk, const char *name) {
    entry *found = *find(&disk->names, name);
    return found ? found->node : NULL;
}

node *disk_make_name(fault_disk *disk, const char *name, const char *existing_path) {
    node *made = calloc(1, sizeof *made);
    if (existing_path) {
        // Made by someone else, before this disk knew of it: taken as durable.
        FILE *file = fopen(existing_path, "rb");
        if (file) {
            fseek(file, 0, SEEK_END);
            made->durable_byte_count = ftell(file);
            rewind(file);
            made->durable = malloc((size_t)made->durable_byte_count + 1);
            if (fread(made->durable, 1, (size_t)made->durable_byte_count, file) != (size_t)made->durable_byte_count)
                made->durable_byte_count = 0;
            fclose(file);
        }
        set(&disk->durable_names, name, made);
    } else {
        rename_later(disk, name, made);
    }
    set(&disk->names, name, made);
    return made;
}

void disk_delete_name(fault_disk *disk, const char *name) {
    if (!disk_look_up(disk, name)) return;
    set(&disk->names, name, NULL);
    rename_later(disk, name, NULL);
}

void disk_synchronize_names(fault_disk *disk) {
    while (disk->first) {
        renaming *done = disk->first;
        disk->first = done->next;
        set(&disk->durable_names, done->name, done->node);
        disk_release(done->node);
        free(done->name);
        free(done);
    }
    disk->last = NULL;
}

void disk_note(fault_disk *disk, node *node, const void *bytes, int64_t byte_count, int64_t offset) {
    change *added = malloc(sizeof *added + (size_t)(byte_count > 0 ? byte_count : 0));
    added->next = NULL;
    added->number = ++disk->change_count;
    added->offset = offset;
    added->byte_count = byte_count;
    if (byte_count > 0) memcpy(added->bytes, bytes, (size_t)byte_count);
    if (node->last) node->last->next = added; else node->first = added;
    node->last = added;
}

static void resize(image *image, int64_t byte_count) {
    image->bytes = realloc(image->bytes, (size_t)byte_count + 1);
    if (byte_count > image->byte_count)
        memset(image->bytes + image->byte_count, 0, (size_t)(byte_count - image->byte_count));
    image->byte_count = byte_count;
}

void image_apply(image *image, const change *change, sector_choice keeps, void *context) {
    if (change->byte_count < 0) {
        if (!keeps || keeps(context, 0)) resize(image, change->offset);
        return;
    }
    int64_t end = change->offset + change->byte_count, index = 0;
    for (int64_t at = change->offset; at < end; index++) {
        int64_t next = (at / SECTOR_BYTE_COUNT + 1) * SECTOR_BYTE_COUNT;
        if (next > end) next = end;
        if (!keeps || keeps(context, index)) {
            if (next > image->byte_count) resize(image, next);
            memcpy(image->bytes + at, change->bytes + (at - change->offset), (size_t)(next - at));
        }
        at = next;
    }
}

static void make_durable(node *node, sector_choice keeps, void *context) {
    image image = {node->durable, node->durable_byte_count};
    for (const change *change = node->first; change; change = change->next) image_apply(&image, change, keeps, context);
    node->durable = image.bytes;
    node->durable_byte_count = image.byte_count;
    drop_changes(node);
}

void disk_synchronize(node *node) { make_durable(node, NULL, NULL); }

static int coin(void *context, int64_t index) {
    (void)index;
    return (int)(mix(context) & 1);
}

void disk_lose(fault_disk *disk, node *node) {
    // The system marks what it could not write as clean: it reads back, and no later sync writes it.
    // With an even seed nothing of it reached the disk, else any sectors.
    uint64_t state = disk->seed;
    if (disk->seed % 2) make_durable(node, coin, &state); else drop_changes(node);
}

void disk_hold(node *node) {
    if (node) node->holders++;
}

void disk_release_all(fault_disk *disk) {
    disk_synchronize_names(disk);
    while (disk->names) set(&disk->names, disk->names->name, NULL);
    while (disk->durable_names) set(&disk->durable_names, disk->durable_names->name, NULL);
}
