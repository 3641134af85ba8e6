import CLinux
import CTLS

/// Counts what libssl and libcrypto hold of the heap. Shared.
package enum TLSMemory {
    /// In bytes, as the allocator has given them.
    package static var bytes: Int { clinux_counted_bytes() }

    /// To be called before libcrypto allocates anything; false if that is too late, and nothing is counted.
    static func count() -> Bool {
        CRYPTO_set_mem_functions(clinux_counted_malloc, clinux_counted_realloc, clinux_counted_free) == 1
    }
}
