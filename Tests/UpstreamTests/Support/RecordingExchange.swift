import HTTPWire
import Metering
import ProxyTypes
import Upstream

/// Sends one request when it is granted a connection, and records what it is told.
final class RecordingExchange: UpstreamExchange {
    var method = HTTPWire.Method.get
    var isRetryable = false
    var asksUpgrade = false
    var wantsContentOnly = false

    let name: String
    /// Whether its request is whole when it is granted a connection.
    var sendsAll = true
    /// So many bytes follow the head of its request on a reused connection.
    var uploads = 0
    /// What it was told about that.
    private(set) var restart: WindowRestart?
    private(set) var connection: UpstreamConnection?
    private(set) var events: [String] = []
    private(set) var body = ""
    private(set) var failure: UpstreamFailure?
    private(set) var refusal: ProxyError?
    /// Called with each event, when it has been recorded.
    var onEvent: (String) -> Void = { _ in }

    init(_ name: String = "one") { self.name = name }

    /// The last event of an exchange.
    static let ends: Set<String> = [
        "ended", "refused", "tunnel closed", "lost before response", "reset before response",
        "silence before response", "response lost", "timeout http_response_timeout", "timeout connection_read_timeout",
        "timeout connection_write_timeout",
    ]

    var hasEnded: Bool { events.last.map { Self.ends.contains($0) } ?? false }

    var request: String { "GET /\(name) HTTP/1.1\r\nHost: x\r\n\r\n" }

    private func record(_ event: String) {
        events.append(event)
        onEvent(event)
    }

    func write(_ text: String) {
        var text = text
        text.withUTF8 { connection?.write(UnsafeRawBufferPointer($0)) }
    }

    func setReading(_ reading: Bool, now: Instant) { connection?.setReading(reading, for: self, now: now) }
    func abandon(now: Instant) { connection?.abandon(self, .clientAborted, now: now) }

    func leaseGranted(_ connection: UpstreamConnection, reused: Bool, now: Instant) {
        self.connection = connection
        record(reused ? "granted reused" : "granted")
        guard method != .connect else { return }
        if uploads > 0, reused { connection.uploadBegins(now: now) }
        write(request)
        if uploads > 0, reused {
            write(String(repeating: "u", count: uploads))
            restart = connection.uploadEnded()
        }
        if sendsAll { connection.requestEnded(now: now) } else { connection.requestProgressed(now: now) }
    }

    func leaseRefused(_ error: ProxyError, now: Instant) {
        refusal = error
        record("refused")
    }

    func responseIsNext(now: Instant) { record("next") }

    func informationalHead(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer) {
        record("\(head.status)")
    }

    func responseHead(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer, now: Instant) {
        record("\(head.status)")
    }

    func responseBody(_ bytes: UnsafeRawBufferPointer) {
        body += String(decoding: bytes, as: UTF8.self)
    }

    func responseReadComplete() {}
    func responseEnded(on connection: UpstreamConnection, now: Instant) { record("ended") }

    func failed(_ failure: UpstreamFailure, now: Instant) {
        self.failure = failure
        switch failure {
        case .beforeResponse(_, .silence): record("silence before response")
        case .beforeResponse(_, let loss): record(loss == .reset ? "reset before response" : "lost before response")
        case .response: record("response lost")
        case .tls(let error): record("tls \(error.kind.name)")
        case .timeout(let error): record("timeout \(error.kind.name)")
        }
    }

    func upgraded(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer, now: Instant) {
        body += String(decoding: UnsafeRawBufferPointer(rebasing: bytes[head.length...]), as: UTF8.self)
        record("upgraded")
    }

    func tunnelBytes(_ bytes: UnsafeRawBufferPointer) { body += String(decoding: bytes, as: UTF8.self) }
    func tunnelInputClosed() { record("input closed") }
    func tunnelClosed(isCut: Bool) { record(isCut ? "tunnel cut" : "tunnel closed") }
    func upstreamDrained() { record("drained") }
}
