import CLinux
package import ProxyTypes
package import Reactor

#if canImport(Glibc)
    import Glibc
#endif

/// What a look-up brought.
package enum ResolverAnswer: Sendable {
    case addresses([IPAddress])
    /// The name does not exist or has no address.
    case noSuchName(String)
    /// The resolver could not say: worth another try later.
    case failed(String)
}

/// Looks names up without holding a loop. Shared.
package struct Resolver: Sendable {
    package typealias Completion = @Sendable (ResolverAnswer) -> Void

    private let start: @Sendable (String, @escaping Completion) -> Void

    /// Asks the system's resolver, on the workers' threads.
    package init(workers: WorkerPool) {
        self.init(workers: workers, lookUp: Self.askSystem)
    }

    /// `lookUp` is called on the workers' threads.
    package init(workers: WorkerPool, lookUp: @escaping @Sendable (String) -> ResolverAnswer) {
        self.init { host, completion in workers.run { completion(lookUp(host)) } }
    }

    /// `start` has its completion called once, on any thread.
    package init(start: @escaping @Sendable (String, @escaping Completion) -> Void) {
        self.start = start
    }

    /// `completion` is called on a thread of the resolver's.
    package func resolve(_ host: String, _ completion: @escaping Completion) {
        start(host, completion)
    }

    private static func askSystem(_ host: String) -> ResolverAnswer {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        var code = getaddrinfo(host, nil, &hints, &list)
        if code == EAI_ADDRFAMILY || code == EAI_NONAME {
            // AI_ADDRCONFIG hides loopback names on a host that has only loopback.
            hints.ai_flags = 0
            code = getaddrinfo(host, nil, &hints, &list)
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
