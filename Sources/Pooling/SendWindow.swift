package import ProxyTypes

/// How many segments this host's kernel may send on a connection before one is acknowledged, as it was at a moment, and what
/// idleness makes of it. Value.
///
/// With net.ipv4.tcp_slow_start_after_idle on, as it is by default, Linux halves the window for each retransmission time-out
/// in which nothing was sent, down to the initial window. It does so when it sends next: until then the kernel reports the
/// window that was.
package struct SendWindow: Equatable, BitwiseCopyable, Sendable {
    /// Segments; 0 where that is not known.
    package var segments: UInt32
    /// The kernel's retransmission time-out, in milliseconds; 0 where idleness takes nothing away.
    package var timeout: UInt32
    /// How long nothing had been sent then, in milliseconds.
    package var silence: UInt32

    @inlinable package init(segments: UInt32, timeout: UInt32 = 0, silence: UInt32 = 0) {
        self.segments = segments
        self.timeout = timeout
        self.silence = silence
    }

    @inlinable package static var unknown: SendWindow { SendWindow(segments: 0) }

    /// In segments: Linux's window for a new connection, and its least after idleness. A route may set another one
    /// (`initcwnd`), which is not known here.
    package static let initial: UInt32 = 10

    /// When nothing has been sent for another `idle`.
    @inline(__always)
    package func after(_ idle: Interval) -> UInt32 {
        guard timeout > 0 else { return segments }
        let silent = idle + .milliseconds(Int64(silence))
        return Self.effective(
            segments, idle: silent, timeout: .milliseconds(Int64(timeout)), slowStartAfterIdle: true)
    }

    /// The window with which a connection goes on whose sender was idle: as `tcp_cwnd_restart` in Linux has it.
    package static func effective(
        _ segments: UInt32, idle: Interval, timeout: Interval, slowStartAfterIdle: Bool
    ) -> UInt32 {
        guard slowStartAfterIdle, timeout > .zero, segments > initial else { return segments }
        var window = segments
        var left = idle - timeout
        while left > .zero, window > initial {
            window >>= 1
            left = left - timeout
        }
        return max(window, initial)
    }

    /// How many round trips it takes until so many segments are sent: the window doubles with each up to `ceiling`, and
    /// stays there. Losses, and windows of the receiver, may make them more.
    package static func roundTrips(for segments: Int, from window: UInt32, ceiling: UInt32) -> Int {
        guard segments > 0 else { return 0 }
        var window = Int(max(window, 1))
        let ceiling = max(Int(ceiling), window)
        var sent = 0
        var count = 0
        while sent < segments, window < ceiling {
            sent += window
            window = min(window * 2, ceiling)
            count += 1
        }
        return sent < segments ? count + (segments - sent + window - 1) / window : count
    }
}

/// What `ReuseOrder.widest` has chosen. Value.
struct WidestChoice: BitwiseCopyable {
    let id: ConnectionID
    /// Its number on that connection.
    let lease: UInt32
    /// The window of the connection that was used last, in segments.
    let lastUsed: UInt32
}
