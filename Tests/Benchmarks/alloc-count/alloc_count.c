// Counts the heap allocations of the process it is preloaded into (and of its children) in a file that others can read
// while it runs: $ALLOC_COUNT_FILE, three native uint64: allocations, frees, bytes asked for. Only each process's main
// thread is counted: it runs connd's data loop, and what other threads record at intervals would make the figures depend on
// when they do it.
// A realloc counts as one allocation, and as one free when it was given a block. It forwards to glibc's own entry
// points, so nothing is looked up and the first allocation of the dynamic loader is as safe as any other.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

struct counters {
    uint64_t allocations, frees, bytes;
};

static struct counters early;
static struct counters *counters = &early;

static __thread enum { UNKNOWN, MAIN, OTHER } thread_kind __attribute__((tls_model("initial-exec")));

static int counts_here(void) {
    if (thread_kind == UNKNOWN) thread_kind = syscall(SYS_gettid) == getpid() ? MAIN : OTHER;
    return thread_kind == MAIN;
}

static void allocated(void *block, size_t size) {
    if (!block || !counts_here()) return;
    __atomic_fetch_add(&counters->allocations, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&counters->bytes, size, __ATOMIC_RELAXED);
}

static void freed(void *block) {
    if (block && counts_here()) __atomic_fetch_add(&counters->frees, 1, __ATOMIC_RELAXED);
}

__attribute__((constructor)) static void open_file(void) {
    const char *path = getenv("ALLOC_COUNT_FILE");
    if (!path) return;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return;
    void *shared = MAP_FAILED;
    if (ftruncate(fd, sizeof(struct counters)) == 0)
        shared = mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared == MAP_FAILED) return;
    // Only the loader has run so far: what it counted moves over before another thread can exist.
    struct counters *opened = shared;
    __atomic_fetch_add(&opened->allocations, early.allocations, __ATOMIC_RELAXED);
    __atomic_fetch_add(&opened->frees, early.frees, __ATOMIC_RELAXED);
    __atomic_fetch_add(&opened->bytes, early.bytes, __ATOMIC_RELAXED);
    counters = opened;
}

void *malloc(size_t size) {
    void *block = __libc_malloc(size);
    allocated(block, size);
    return block;
}

void *calloc(size_t count, size_t size) {
    void *block = __libc_calloc(count, size);
    allocated(block, count * size);
    return block;
}

void *realloc(void *old, size_t size) {
    void *block = __libc_realloc(old, size);
    if (block || size == 0) freed(old);
    allocated(block, size);
    return block;
}

void free(void *block) {
    freed(block);
    __libc_free(block);
}

void *memalign(size_t alignment, size_t size) {
    void *block = __libc_memalign(alignment, size);
    allocated(block, size);
    return block;
}

void *aligned_alloc(size_t alignment, size_t size) {
    return memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) || alignment == 0 || alignment & (alignment - 1)) return EINVAL;
    void *block = memalign(alignment, size);
    if (!block) return ENOMEM;
    *result = block;
    return 0;
}

void *valloc(size_t size) {
    return memalign((size_t)sysconf(_SC_PAGESIZE), size);
}

void *pvalloc(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return memalign(page, (size + page - 1) & ~(page - 1));
}
