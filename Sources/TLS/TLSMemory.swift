import CTLS
import Glibc
import Synchronization

/// Counts what libssl and libcrypto hold of the heap. Shared.
package enum TLSMemory {
    private static let held = Atomic<Int>(0)

    /// In bytes, as the allocator has given them.
    package static var bytes: Int { held.load(ordering: .relaxed) }

    /// To be called before anything is allocated; false where it is too late, and nothing is counted.
    static func count() -> Bool {
        CRYPTO_set_mem_functions(
            { size, _, _ in
                let fresh = malloc(size)
                TLSMemory.add(connd_allocation_size(fresh))
                return fresh
            },
            { memory, size, _, _ in
                let before = connd_allocation_size(memory)
                guard let fresh = realloc(memory, size) else { return nil }
                TLSMemory.add(connd_allocation_size(fresh) - before)
                return fresh
            },
            { memory, _, _ in
                TLSMemory.add(-connd_allocation_size(memory))
                free(memory)
            }) == 1
    }

    private static func add(_ count: Int) {
        held.wrappingAdd(count, ordering: .relaxed)
    }
}
