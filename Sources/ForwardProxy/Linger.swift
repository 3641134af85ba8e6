import ProxyTypes

/// How long a connection is read on after the answer and the FIN that end it (RFC 9112 9.6): closing it with bytes unread
/// sends a RST, which takes the answer from a client that sends all of its request before it reads. Ends after a silence,
/// and in any case after a bound of time and of bytes, so that no client keeps its connection by never stopping. Value.
struct Linger {
    private var began = Instant.zero
    private(set) var lastHeard = Instant.zero
    private(set) var discarded = 0

    /// A client that stops later than this, or sends more, is one that does not read.
    static let longest = Interval.seconds(30)
    static let mostBytes = 1 << 30

    /// The FIN is out.
    mutating func begin(now: Instant) {
        began = now
        lastHeard = now
    }

    mutating func received(_ count: Int, now: Instant) {
        discarded += count
        lastHeard = now
    }

    /// What is read and dropped while the answer waits to be taken counts as well.
    var isUsedUp: Bool { discarded > Self.mostBytes }

    /// When it is over unless more comes.
    func ends(silence: Interval) -> Instant { min(lastHeard + silence, began + Self.longest) }

    /// The client goes on sending: its answer would be lost now.
    func isActive(now: Instant, within moment: Interval) -> Bool { discarded > 0 && now - lastHeard < moment }
}
