import ProxyTypes
import Reactor

/// Asks DNS servers: any number of questions at a time, each independent of the others. Loop-bound.
///
/// One channel of c-ares after the other takes the questions, for two reasons. c-ares cannot give up one question, only all
/// of a channel: so those that nobody waits for go with their channel. And a channel asks a server from one port as long
/// as any question is under way, which a forger could find out in the meantime (RFC 5452 section 4.5).
///
/// ```
/// current ──`perChannel` questions asked──▶ earlier ──none is needed──▶ closed
/// ```
final class DNSChannels {
    /// Value.
    struct Limits {
        /// A channel takes no more questions than this, as long as there may be another.
        var perChannel = 256
        var channels = 64
        /// More questions fail at once.
        var underWay = 16_384
    }

    private unowned let reactor: Reactor
    private let limits: Limits
    private var current: DNSChannel?
    private var earlier: [DNSChannel] = []
    private let timer = Deadline()

    /// How often c-ares is asked what has timed out, while a question is under way. To be told when the next one will,
    /// it would go through all of them each time.
    private static let tick = Interval.milliseconds(50)

    init(on reactor: Reactor, _ limits: Limits = Limits()) {
        self.reactor = reactor
        self.limits = limits
        timer.owner = self
    }

    deinit {
        timer.owner = nil
    }

    /// The configuration of new questions; nil: there was never one.
    var prepared: PreparedChannel? { current?.prepared }

    var underWay: Int { earlier.reduce(current?.underWay.total ?? 0) { $0 + $1.underWay.total } }

    /// New questions are asked with this.
    func use(_ prepared: PreparedChannel) throws(SystemError) {
        let next = try DNSChannel(prepared, on: reactor)
        if let current { earlier.append(current) }
        current = next
    }

    /// `completion` is called once, perhaps before this returns, unless the question is abandoned. Nil: it was not asked.
    func ask(
        _ name: String, _ type: DNSMessage.RecordType, _ completion: @escaping DNSQuestion.Completion
    ) -> DNSQuestion? {
        if let current, current.asked >= limits.perChannel { replace(current) }
        guard let current, underWay < limits.underWay else {
            completion(.failed("too many questions to DNS servers are under way", isTimeout: false))
            return nil
        }
        let question = current.ask(name, type, completion)
        reactor.timer.wake(timer, at: reactor.now + Self.tick)
        return question
    }

    /// Where there can be no other, it goes on.
    private func replace(_ channel: DNSChannel) {
        guard earlier.count + 1 < limits.channels, let another = channel.prepared.another() else { return }
        try? use(another)
    }

    /// Late answers are not worth that new questions fail.
    private func closeUnneeded() {
        let keepsLate = underWay <= limits.underWay / 2
        let unneeded = earlier.filter { $0.underWay.needed == 0 && ($0.underWay.late == 0 || !keepsLate) }
        guard !unneeded.isEmpty else { return }
        earlier.removeAll { channel in unneeded.contains { $0 === channel } }
        for channel in unneeded { channel.close() }
    }
}

extension DNSChannels: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant {
        // An answer may ask the next question, and so change the list.
        for channel in earlier { channel.tick() }
        current?.tick()
        closeUnneeded()
        return underWay > 0 || !earlier.isEmpty ? now + Self.tick : .distantFuture
    }
}
