import CTLS

/// What libcrypto could not do. Value.
package struct LibraryFailure: Error, Sendable, CustomStringConvertible {
    package let description: String

    /// Takes libcrypto's reason from its queue.
    init(_ action: String) {
        let code = ERR_get_error()
        ERR_clear_error()
        let reason = ERR_reason_error_string(code).map { String(cString: $0) }
        description = "libcrypto cannot \(action)" + (reason.map { ": \($0)" } ?? "")
    }
}
