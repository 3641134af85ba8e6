import CTLS

/// Text that libcrypto reads or writes.
struct MemoryBIO: ~Copyable {
    let pointer: OpaquePointer

    init(_ text: String? = nil) throws(LibraryFailure) {
        guard let pointer = BIO_new(BIO_s_mem()) else { throw LibraryFailure("get memory") }
        self.pointer = pointer
        guard var text else { return }
        text.withUTF8 { _ = BIO_write(pointer, $0.baseAddress, CInt($0.count)) }
    }

    deinit {
        BIO_free_all(pointer)
    }

    var text: String {
        var bytes: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = BIO_read(pointer, &room, CInt(room.count))
            guard count > 0 else { break }
            bytes += room.prefix(Int(count))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
