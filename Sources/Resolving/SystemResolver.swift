import ProxyTypes
import Reactor
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Whether anybody still waits for a look-up. Shared.
final class Abandonment: Sendable {
    private let flag = Atomic<Bool>(false)

    func abandon() { flag.store(true, ordering: .relaxed) }
    var isAbandoned: Bool { flag.load(ordering: .relaxed) }
}

/// Asks the system's resolver, which blocks, on threads of its own: as many hang as names do, so there are many. Shared.
final class SystemResolver: Sendable {
    private let workers = WorkerPool(limit: threads)
    /// Abandoned ones included, until their turn comes.
    private let waiting = Atomic<Int>(0)

    private static let threads = 64
    private static let mostWaiting = 4096

    /// `completion` is called on a thread of the resolver's, unless the look-up was abandoned before its turn came.
    func lookUp(
        _ name: String, _ abandonment: Abandonment, _ completion: @escaping @Sendable (NameAnswer) -> Void
    ) {
        guard waiting.load(ordering: .relaxed) < Self.mostWaiting else {
            return completion(.failed("too many names wait for the system's resolver"))
        }
        waiting.add(1, ordering: .relaxed)
        workers.run {
            self.waiting.subtract(1, ordering: .relaxed)
            if !abandonment.isAbandoned { completion(Self.ask(name)) }
        }
    }

    private static func ask(_ name: String) -> NameAnswer {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        var code = getaddrinfo(name, nil, &hints, &list)
        if code == EAI_ADDRFAMILY || code == EAI_NONAME {
            // AI_ADDRCONFIG hides loopback names on a host that has only loopback.
            hints.ai_flags = 0
            code = getaddrinfo(name, nil, &hints, &list)
        }
        guard code == 0, let first = list else {
            let text = code == EAI_SYSTEM ? String(cString: strerror(errno)) : String(cString: gai_strerror(code))
            return code == EAI_NONAME || code == EAI_NODATA ? .noSuchName(text) : .failed(text)
        }
        defer { freeaddrinfo(first) }
        var found: [IPAddress] = []
        for entry in sequence(first: first, next: { $0.pointee.ai_next }) {
            if let address = address(in: entry.pointee), !found.contains(address) { found.append(address) }
        }
        return found.isEmpty ? .noSuchName("no address") : .addresses(found)
    }

    private static func address(in entry: addrinfo) -> IPAddress? {
        guard let pointer = UnsafeRawPointer(entry.ai_addr) else { return nil }
        // The address stands behind the family and port, in sockaddr_in6 also behind the flow label.
        switch entry.ai_family {
        case AF_INET:
            return IPAddress(bytes: UnsafeRawBufferPointer(start: pointer + 4, count: 4))
        case AF_INET6:
            return IPAddress(bytes: UnsafeRawBufferPointer(start: pointer + 8, count: 16))
        default:
            return nil
        }
    }
}

private let EAI_NODATA: CInt = -5
private let EAI_ADDRFAMILY: CInt = -9
