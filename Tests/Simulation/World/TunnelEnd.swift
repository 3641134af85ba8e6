import ProxyTypes

/// One end of a tunnel: sends its bytes, checks what it receives, and ends as planned.
final class TunnelEnd {
    enum Side {
        case client, origin
    }

    private enum Output {
        case speaking(Int), silent, shut
    }

    private unowned(unsafe) let world: World
    private let socket: any OriginLine
    private let side: Side
    private let account: Account
    private var nonce: Nonce { account.request.nonce }
    private let plan: TunnelPlan
    private let attempt: Int
    private var output = Output.speaking(0)
    private(set) var heard = 0
    private var heardAt: Instant
    private var inputEnded = false

    private static let maxDelay = Interval.minutes(1)

    private(set) var isOver = false
    /// Nil once it has been called.
    private var ended: (() -> Void)?

    init(
        _ side: Side, _ account: Account, _ plan: TunnelPlan, attempt: Int, on socket: any OriginLine, in world: World,
        ended: @escaping () -> Void
    ) {
        self.side = side
        self.world = world
        self.socket = socket
        self.plan = plan
        self.attempt = attempt
        self.account = account
        heardAt = world.now
        self.ended = ended
    }

    private var own: Content.Maker { side == .client ? .client : .origin(attempt: attempt) }
    private var other: Content.Maker { side == .client ? .origin(attempt: attempt) : .client }
    private var ownTotal: Int { side == .client ? plan.fromClient : plan.fromOrigin }
    private var otherTotal: Int { side == .client ? plan.fromOrigin : plan.fromClient }
    /// How it breaks off, if it does, and behind how many bytes.
    private var ownBreak: (at: Int, how: TunnelPlan.Break)? {
        switch (plan.ending, side) {
        case (.clientBreaks(let at, let how), .client), (.originBreaks(let at, let how), .origin):
            (ownTotal * at / 1000, how)
        case (.clientBreaks, .origin), (.originBreaks, .client), (.both, _), (.clientCloses, _), (.clientResets, _),
            (.originCloses, _), (.originResets, _), (.nobody, _):
            nil
        }
    }
    private var hasHeardAll: Bool { heard == otherTotal }
    private var hasSaidAll: Bool {
        switch output {
        case .speaking: false
        case .silent, .shut: true
        }
    }

    func start() { speak() }

    private func speak() {
        guard !isOver, case .speaking(let said) = output else { return }
        let ownBreak = ownBreak
        let limit = ownBreak?.at ?? ownTotal
        let part = min(max(ownTotal / max(plan.writes, 1), 1), limit - said)
        if part > 0 { socket.send(Content.bytes(nonce, own, said..<(said + part))) }
        if said + part < limit {
            output = .speaking(said + part)
            world.after(plan.pause) { self.speak() }
        } else if let ownBreak {
            breakOff(ownBreak.how)
        } else {
            output = .silent
            saidAll()
        }
    }

    private func breakOff(_ how: TunnelPlan.Break) {
        end {
            switch how {
            case .fin: socket.close()
            case .reset: socket.reset()
            case .silence: socket.fallSilent()
            }
        }
    }

    private func saidAll() {
        switch (plan.ending, side) {
        case (.both, _):
            socket.shutdownOutput()
            output = .shut
        case (.clientResets, .client), (.originResets, .origin): return end { socket.reset() }
        case (.clientCloses, _), (.originCloses, _), (.nobody, _), (.clientResets, .origin), (.originResets, .client),
            (.clientBreaks, _), (.originBreaks, _):
            break
        }
        proceed()
    }

    func received(_ bytes: ArraySlice<UInt8>) {
        guard !isOver else { return }
        if heard + bytes.count > otherTotal {
            world.violated(.foreignBytes, "tunnel \(nonce) brought more than its \(side) was sent")
        } else if let place = Content.mismatch(nonce, other, at: heard, bytes) {
            world.violated(.foreignBytes, "tunnel \(nonce) brought its \(side) another byte at \(place)")
        }
        heard += bytes.count
        heardAt = world.now
        proceed()
    }

    private func proceed() {
        guard !isOver, hasSaidAll else { return }
        switch (plan.ending, side) {
        case (.clientCloses, .client), (.originCloses, .origin): if hasHeardAll || inputEnded { end { socket.close() } }
        case (.both, _), (.clientCloses, .origin), (.originCloses, .client), (.clientResets, _), (.originResets, _),
            (.nobody, _), (.clientBreaks, _), (.originBreaks, _):
            if inputEnded { end { socket.close() } }
        }
    }

    func sawEnd() {
        guard !isOver else { return }
        inputEnded = true
        if world.scenario.isCalm { checkEnd() }
        // The other direction may still be open.
        if hasSaidAll { proceed() } else if case .both = plan.ending { return } else { end { socket.close() } }
    }

    private func checkEnd() {
        if !hasHeardAll {
            world.violated(.cutLooksWhole, "tunnel \(nonce): its \(side) saw the end after \(heard) of \(otherTotal)")
        }
        // Otherwise a timeout ended it.
        if world.now > heardAt + Self.maxDelay {
            world.violated(.rest, "tunnel \(nonce): its \(side) was told of the end long after it had come")
        }
    }

    func sawReset() { end {} }

    /// The client leaves.
    func abandon() {
        isOver = true
        ended = nil
        _ = account.settle(.abandoned, at: world.now)
    }

    /// Its connection is gone.
    func letGo() {
        isOver = true
        ended = nil
    }

    private func end(_ how: () -> Void) {
        guard !isOver else { return }
        isOver = true
        how()
        let ended = ended
        self.ended = nil
        ended?()
    }
}
