#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "clinux.h"

/* Each thread has a counter of its own: one that all share would cost each allocation two locked instructions. Threads
   that get none of their own share the last. A single counter may be negative, if its thread frees what another allocated;
   only the sum means something. */
enum { SLOTS = 256 };
static struct {
    _Alignas(64) atomic_long held;
} slots[SLOTS];
static _Thread_local atomic_long *own;

static atomic_long *claim(void) {
    static atomic_int claimed;
    int slot = atomic_fetch_add_explicit(&claimed, 1, memory_order_relaxed);
    return &slots[slot < SLOTS - 1 ? slot : SLOTS - 1].held;
}

static inline void count(long change) {
    if (own == NULL) own = claim();
    if (own == &slots[SLOTS - 1].held) {
        atomic_fetch_add_explicit(own, change, memory_order_relaxed);
    } else {
        long before = atomic_load_explicit(own, memory_order_relaxed);
        atomic_store_explicit(own, before + change, memory_order_relaxed);
    }
}

void *clinux_counted_malloc(size_t size, const char *file, int line) {
    (void)file, (void)line;
    void *memory = malloc(size);
    count((long)malloc_usable_size(memory));
    return memory;
}

void *clinux_counted_realloc(void *memory, size_t size, const char *file, int line) {
    (void)file, (void)line;
    long before = (long)malloc_usable_size(memory);
    void *moved = realloc(memory, size);
    /* With size 0 realloc frees, and returns NULL. */
    if (moved != NULL || size == 0) count((long)malloc_usable_size(moved) - before);
    return moved;
}

void clinux_counted_free(void *memory, const char *file, int line) {
    (void)file, (void)line;
    if (memory == NULL) return;
    count(-(long)malloc_usable_size(memory));
    free(memory);
}

long clinux_counted_bytes(void) {
    long held = 0;
    for (int i = 0; i < SLOTS; i++) held += atomic_load_explicit(&slots[i].held, memory_order_relaxed);
    return held;
}
