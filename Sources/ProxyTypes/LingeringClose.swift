/// How long a connection is still read after our FIN (RFC 9112 9.6). Closing it with bytes unread sends a RST, which
/// can destroy the last message before a peer that is still sending reads it. Ends when the peer falls silent, and in
/// any case after a bound on time and on bytes, so that a peer cannot keep its connection by sending for ever. Value;
/// the caller reads, drops and closes.
package struct LingeringClose: BitwiseCopyable, Sendable {
    private let maxDuration: Interval
    private var remainingBytes: Int
    private var began = Instant.zero
    private var lastReceived = Instant.zero

    /// A peer that sends for longer, or more, is one that does not read.
    package init(maxDuration: Interval, maxBytes: Int) {
        self.maxDuration = maxDuration
        remainingBytes = maxBytes
    }

    /// The FIN is out. Bytes may have been dropped before, while output was still waiting to be taken; they count too.
    package mutating func begin(now: Instant) {
        began = now
    }

    /// `count` bytes were read and dropped.
    package mutating func received(_ count: Int, now: Instant) {
        remainingBytes -= count
        lastReceived = now
    }

    /// More than the bound on bytes was dropped: close at once.
    package var isExhausted: Bool { remainingBytes < 0 }

    /// When to close unless more comes, with `silence` as the longest gap between two reads.
    package func deadline(silence: Interval) -> Instant {
        min(max(began, lastReceived) + silence, began + maxDuration)
    }

    /// The peer was still sending within the last `moment`: a close now would cost it the answer.
    package func isActive(now: Instant, within moment: Interval) -> Bool {
        lastReceived > .zero && now - lastReceived < moment
    }
}
