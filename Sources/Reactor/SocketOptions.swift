package import ProxyTypes

/// Options of a socket that is about to connect. Value.
package struct SocketOptions: Hashable, Sendable {
    package enum Option: Hashable, Sendable {
        case noDelay, quickAcknowledgement, keepAlive, userTimeout, fastOpen, congestionControl, sendBuffer,
            receiveBuffer
        case lateBinding
    }

    /// An option that the kernel did not take as it was given. Value.
    package struct Refusal: Hashable, Sendable {
        package enum Cause: Hashable, Sendable {
            /// The error's number.
            case failed(CInt)
            /// The kernel gives no more than so many bytes.
            case capped(Int)
        }

        package let option: Option
        package let cause: Cause

        package init(option: Option, cause: Cause) {
            self.option = option
            self.cause = cause
        }
    }

    /// In seconds, and probes.
    package struct KeepAlive: Hashable, Sendable {
        package var idle: CInt
        package var interval: CInt
        package var count: CInt

        package init(idle: CInt, interval: CInt, count: CInt) {
            self.idle = idle
            self.interval = interval
            self.count = count
        }
    }

    package var noDelay = true
    /// Until the first bytes go out; from then on the stream sets it again after each read.
    package var quickAcknowledgement = false
    package var keepAlive: KeepAlive?
    package var userTimeout = Interval.zero
    package var fastOpen = false
    package var congestionControl: String?
    /// Bytes; 0 leaves it to the kernel.
    package var sendBuffer = 0
    package var receiveBuffer = 0
    /// The port is chosen at connect, by the whole 4-tuple: binding early would use up ports per source address.
    package var lateBinding = false

    package init() {}
}
