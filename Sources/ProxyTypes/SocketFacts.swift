/// The options of an open TCP socket, as the kernel has them. Value.
package struct SocketFacts: Hashable, Sendable {
    package struct KeepAlive: Hashable, Sendable {
        /// Seconds, and probes.
        package var idle: Int
        package var interval: Int
        package var count: Int

        package init(idle: Int, interval: Int, count: Int) {
            self.idle = idle
            self.interval = interval
            self.count = count
        }
    }

    package var noDelay = false
    /// At this moment: the kernel forgets it whenever it sends.
    package var quickAcknowledgement = false
    /// Nil while it is off.
    package var keepAlive: KeepAlive?
    /// Milliseconds; 0: the kernel's.
    package var userTimeout = 0
    package var fastOpen = false
    package var congestionControl = ""
    /// Bytes, in the measure of the settings: the kernel reports twice as much, for its own overhead.
    package var sendBuffer = 0
    package var receiveBuffer = 0

    package init() {}
}
