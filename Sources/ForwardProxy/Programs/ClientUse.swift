import Metering
import ProxyTypes
import Upstream

/// What one client's connection has asked for, in plain integers: a request to the same origin as the one before adds to one
/// of them. Value.
struct ClientUse {
    private struct Part {
        /// Held, so that no other pool takes its place in memory.
        let pool: UpstreamPool
        var requests = 0
        var errors = 0
        var isTold = false
    }

    /// Nil: connd itself, or an origin beyond the bound.
    private var current: ObjectIdentifier?
    private var currentPart = -1
    /// To the current one, not yet in its part.
    private var requests = 0
    private var parts: [Part] = []
    private var ownRequests = 0
    private var ownErrors = 0

    private static let mostParts = 16

    /// `pool`: nil where connd answers itself.
    @inline(__always)
    mutating func countRequest(to pool: ObjectIdentifier?) -> Bool {
        requests &+= 1
        return pool == current
    }

    /// The request just counted was to another origin than the ones before.
    mutating func change(to pool: UpstreamPool?) {
        requests -= 1
        settle()
        currentPart = place(of: pool)
        // Beyond the bound the next request comes here again.
        current = currentPart < 0 ? nil : pool.map(ObjectIdentifier.init)
        requests = 1
        if currentPart < 0 { settle() }
    }

    mutating func countError(of pool: UpstreamPool?) {
        let place = place(of: pool)
        if place < 0 { ownErrors += 1 } else { parts[place].errors += 1 }
    }

    private mutating func place(of pool: UpstreamPool?) -> Int {
        guard let pool else { return -1 }
        if let known = parts.firstIndex(where: { $0.pool === pool }) { return known }
        guard parts.count < Self.mostParts else { return -1 }
        parts.append(Part(pool: pool))
        return parts.count - 1
    }

    private mutating func settle() {
        if currentPart < 0 { ownRequests += requests } else { parts[currentPart].requests += requests }
        requests = 0
    }

    /// What has been counted since the last call; nil where that is nothing.
    mutating func take(for client: UInt64, isLast: Bool) -> ProgramUse? {
        settle()
        var use = ProgramUse(client: client, isLast: isLast)
        (use.requests, use.errors) = (ownRequests, ownErrors)
        (ownRequests, ownErrors) = (0, 0)
        for index in parts.indices where parts[index].requests + parts[index].errors > 0 {
            let part = ProgramUse.Part(
                origin: parts[index].pool.origin, requests: parts[index].requests, errors: parts[index].errors,
                isFirst: !parts[index].isTold)
            (parts[index].requests, parts[index].errors, parts[index].isTold) = (0, 0, true)
            if use.part == nil { use.part = part } else { use.others.append(part) }
        }
        return isLast || use.part != nil || use.requests + use.errors > 0 ? use : nil
    }
}
