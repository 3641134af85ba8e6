import Foundation
import Glibc

/// What an origin saw. Value.
package struct OriginRecord: Sendable {
    package struct Connection: Sendable {
        /// How the other side ended it, if it did so before the script.
        package var ending: Ending?
        package var isOpen = true
        package var requestCount = 0
        /// Nil without TLS, and before its handshake has ended.
        package var handshake: Handshake?
    }

    package enum Handshake: Sendable {
        case full, resumed, failed
    }

    package var connections: [Connection] = []
    package var requests: [ReceivedRequest] = []
    package var mostOpenAtOnce = 0

    package var openCount: Int { connections.count { $0.isOpen } }
    package var endings: [Ending?] { connections.map(\.ending) }
}

/// An origin on a loopback port. It runs a script for each connection, on a separate thread, and records everything
/// that it receives. Shared.
package final class FakeOrigin: Sendable {
    package typealias Script = @Sendable (OriginConnection) throws -> Void

    package let port: UInt16
    private let state: State
    private let scheme: String

    /// Closes each connection when its script returns or throws, and with TLS tells the other side so. `port`: that of
    /// another origin at another address of loopback; 0: a free one. `segment`: how much its host takes in one segment.
    package init(
        at address: String = "127.0.0.1", port wanted: UInt16 = 0, tls: ServerTLS? = nil, segment: Int32? = nil,
        _ script: @escaping Script
    ) throws {
        scheme = tls == nil ? "http" : "https"
        let (descriptor, port) = try SocketAddresses.bound(to: address, port: wanted)
        if var segment {
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_MAXSEG, &segment, socklen_t(MemoryLayout<Int32>.size))
        }
        guard listen(descriptor, 1024) == 0 else { throw StreamSocket.failure("listen") }
        self.port = port
        let state = State(listener: StreamSocket(adopting: descriptor))
        self.state = state
        Thread.detachNewThread { state.accept(descriptor, tls, script) }
    }

    deinit {
        state.stop()
    }

    package var record: OriginRecord { state.record.current }
    package var authority: String { "127.0.0.1:\(port)" }

    package func url(_ path: String = "/") -> String { "\(scheme)://\(authority)\(path)" }

    @discardableResult
    package func waitToSee(_ what: String, _ rule: (OriginRecord) -> Bool) throws -> OriginRecord {
        try state.record.wait(for: "the origin to see " + what, rule)
    }

    fileprivate final class State: Sendable {
        let record = EventSource(OriginRecord())
        private let listener: StreamSocket
        private let open = EventSource<[Int: StreamSocket]>([:])

        init(listener: StreamSocket) {
            self.listener = listener
        }

        func accept(_ descriptor: Int32, _ tls: ServerTLS?, _ script: @escaping Script) {
            while let accepted = Inheritance.accept(descriptor) {
                let socket = StreamSocket(adopting: accepted)
                let number = record.change { record in
                    record.connections.append(.init())
                    record.mostOpenAtOnce = max(record.mostOpenAtOnce, record.openCount)
                    return record.connections.count - 1
                }
                open.change { $0[number] = socket }
                Thread.detachNewThread { [self] in
                    if startTLS(tls, socket, number) { try? script(OriginConnection(number, socket, record)) }
                    if tls != nil { socket.finishSending() }
                    open.change { $0[number] = nil }
                    socket.close()
                    record.change { $0.connections[number].isOpen = false }
                }
            }
        }

        private func startTLS(_ tls: ServerTLS?, _ socket: StreamSocket, _ number: Int) -> Bool {
            guard let tls else { return true }
            let isResumed = socket.startTLS(tls)
            record.change { record in
                record.connections[number].handshake = isResumed.map { $0 ? .resumed : .full } ?? .failed
            }
            return isResumed != nil
        }

        func stop() {
            listener.cancel()
            for socket in open.current.values { socket.cancel() }
        }
    }
}
