// Linked into what .ci/sanitize builds for ThreadSanitizer, which sees how Swift's Mutex is taken and given back while
// nobody else wants it: that is inlined. Otherwise it goes through the library and the kernel (FUTEX_LOCK_PI), neither of
// which is instrumented, and every contended Mutex would be reported as a race. These stand before the library's functions
// and tell the sanitizer what they do.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define MUTEX __attribute__((swift_context)) void *mutex

void __tsan_acquire(void *address);
void __tsan_release(void *address);

typedef SWIFT void (*lock_function)(uint32_t thread, MUTEX);
typedef SWIFT bool (*try_function)(MUTEX);
typedef SWIFT void (*unlock_function)(MUTEX);

SWIFT void lock_slow(uint32_t thread, MUTEX) __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
SWIFT void lock_slow(uint32_t thread, MUTEX) {
    ((lock_function)dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"))(thread, mutex);
    __tsan_acquire(mutex);
}

SWIFT bool try_lock_slow(MUTEX) __asm__("$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF");
SWIFT bool try_lock_slow(MUTEX) {
    bool locked = ((try_function)dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"))(mutex);
    if (locked) __tsan_acquire(mutex);
    return locked;
}

SWIFT void unlock_slow(MUTEX) __asm__("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
SWIFT void unlock_slow(MUTEX) {
    __tsan_release(mutex);
    ((unlock_function)dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"))(mutex);
}
