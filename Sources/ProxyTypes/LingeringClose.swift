/// How long a connection is still read after our FIN (RFC 9112 9.6). Closing it with unread bytes sends a RST, which
/// can destroy the last message before a peer that is still sending reads it. Ends when the peer falls silent, and at
/// the latest at a bound on time and on bytes, so that a peer cannot keep its connection by sending forever. Value; the
/// caller reads, discards and closes.
package struct LingeringClose: BitwiseCopyable, Sendable {
    private let maxDuration: Interval
    private var remainingBytes: Int
    private var began = Instant.zero
    private var lastReceived = Instant.zero

    /// A peer that sends longer than `maxDuration`, or more than `maxBytes`, is assumed not to read.
    package init(maxDuration: Interval, maxBytes: Int) {
        self.maxDuration = maxDuration
        remainingBytes = maxBytes
    }

    /// The FIN has been sent. Bytes that were discarded before, while output was still pending, count too.
    package mutating func begin(now: Instant) {
        began = now
    }

    /// `count` bytes were read and discarded.
    package mutating func received(_ count: Int, now: Instant) {
        remainingBytes -= count
        lastReceived = now
    }

    /// More than the bound on bytes was discarded: close immediately.
    package var isExhausted: Bool { remainingBytes < 0 }

    /// When to close unless more arrives, with `silence` as the longest gap between two reads.
    package func deadline(silence: Interval) -> Instant {
        min(max(began, lastReceived) + silence, began + maxDuration)
    }

    /// Whether the peer was still sending within the last `moment`, so that a close now could cost it the response.
    package func isActive(now: Instant, within moment: Interval) -> Bool {
        lastReceived > .zero && now - lastReceived < moment
    }
}
