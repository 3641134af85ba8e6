#if canImport(Glibc)
    import Glibc
#endif

/// Users of this host, as the system knows them. Not to be asked on the loop: the answer may come over the network.
enum Users {
    static func number(of name: String) -> UInt32? {
        lookUp { getpwnam_r(name, $0, $1, $2, $3) }?.number
    }

    static func name(of number: UInt32) -> String? {
        lookUp { getpwuid_r(number, $0, $1, $2, $3) }?.name
    }

    private typealias LookUp = (
        UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
        UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> CInt

    private static func lookUp(_ ask: LookUp) -> (name: String, number: UInt32)? {
        var room = [CChar](repeating: 0, count: 16384)
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        return room.withUnsafeMutableBufferPointer { room in
            guard let base = room.baseAddress, ask(&entry, base, room.count, &found) == 0, let found else { return nil }
            return (String(cString: found.pointee.pw_name), found.pointee.pw_uid)
        }
    }
}
