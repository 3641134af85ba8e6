import CCurl
import Dispatch
import Glibc
import Synchronization

/// An HTTP request. Value.
struct HTTPRequest: Sendable {
    var method = "GET"
    /// With the query, percent-encoded.
    var target: String
    var fields: [(name: String, value: String)] = []
    var body: [UInt8]?
}

/// The head of a response. Value.
struct HTTPResponseHead: Sendable {
    var status = 0
    /// By name in lower case; of repeated fields only the last.
    var fields: [String: String] = [:]

    var isSuccess: Bool { (200..<300).contains(status) }
}

/// One request and its response over libcurl. Each has its own connection, because libcurl repeats requests that fail
/// on a reused one, and a change must not be made twice. The body is read only as the caller asks for it, so a slow
/// reader slows the daemon down. The actor has its own queue, because waiting in libcurl blocks the thread.
///
///     receiving ──▶ ended(success or failure)
actor HTTPTransfer {
    /// How long the parts of a transfer may take; nil: no limit. Value.
    struct Limits: Sendable {
        /// For name look-up, TCP connect and TLS handshake together.
        var connect: Duration
        var total: Duration?
        /// Between two reads of the response.
        var silence: Duration?
    }

    private enum State {
        case receiving
        case ended(Result<Void, AdminFailure>)
    }

    nonisolated private let queue = TransferQueue()
    nonisolated private let handle: CurlHandle
    nonisolated let address: AdminAddress
    private let limits: Limits
    private var state = State.receiving

    nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

    init(_ request: HTTPRequest, to address: AdminAddress, limits: Limits) throws(AdminFailure) {
        self.address = address
        self.limits = limits
        handle = try CurlHandle(request, to: address, limits: limits)
    }

    /// Returns when the head of the final response has been received.
    func head() async throws(AdminFailure) -> HTTPResponseHead {
        try await withCancellation { transfer throws(AdminFailure) in
            while true {
                if let head = transfer.handle.response.head { return head }
                if case .ended(let result) = transfer.state {
                    try result.get()
                    throw .notReachable(transfer.address, "it closed the connection without an answer")
                }
                try transfer.step()
            }
        }
    }

    /// The next piece of the body; nil at its end.
    func nextPart() async throws(AdminFailure) -> [UInt8]? {
        try await withCancellation { transfer throws(AdminFailure) in
            while true {
                if let part = transfer.handle.response.takeBody() { return part }
                if case .ended(let result) = transfer.state {
                    try result.get()
                    return nil
                }
                try transfer.step()
            }
        }
    }

    /// The rest of the body.
    func collect(upTo limit: Int) async throws(AdminFailure) -> [UInt8] {
        var body: [UInt8] = []
        while let part = try await nextPart() {
            guard body.count + part.count <= limit else {
                throw .unexpected(address, "its answer is larger than any of connd's")
            }
            body += part
        }
        return body
    }

    private func withCancellation<Value: Sendable>(
        _ work: (isolated HTTPTransfer) throws(AdminFailure) -> Value
    ) async throws(AdminFailure) -> Value {
        let handle = handle
        let result = await withTaskCancellationHandler {
            Result { () throws(AdminFailure) in try work(self) }
        } onCancel: {
            handle.cancel()
        }
        return try result.get()
    }

    /// Sends and receives what is possible now, or waits until something is.
    private func step() throws(AdminFailure) {
        if handle.isCancelled { throw .notReachable(address, "the request was cancelled") }
        let before = handle.response.lastByte
        if let code = handle.perform() {
            state = .ended(code == CURLE_OK ? .success(()) : .failure(handle.failure(code, address, limits)))
            return
        }
        if handle.response.lastByte != before { return }
        guard let silence = limits.silence else { return handle.wait(nil) }
        let left = silence - before.duration(to: .now)
        guard left > .zero else { throw .notReachable(address, "no answer within \(silence)") }
        handle.wait(left)
    }
}

/// Runs the jobs of one actor on a separate queue, where they may block. Shared.
private final class TransferQueue: SerialExecutor {
    private let queue = DispatchQueue(label: "connctl.transfer")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
