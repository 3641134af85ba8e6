package import AdminModels

/// One event, and its JSON as received. Value.
package struct AdminEvent: Sendable {
    package var report: EventReport
    package var json: String
}

extension AdminClient {
    /// The daemon sends a heartbeat every 15 s; if two are missing, it counts as gone.
    private static let longestEventSilence = Duration.seconds(40)
    static let firstRetryDelay = Duration.milliseconds(250)
    static let maxRetryDelay = Duration.seconds(5)

    /// The stored events after `id`, then new ones; nil: only new ones. With `resumes`, a broken stream continues after
    /// the last event received; a refusal still ends it.
    package func events(after id: UInt64?, resumes: Bool = true) -> AsyncThrowingStream<AdminEvent, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task { [self] in
                do {
                    try await follow(after: id, resumes: resumes) { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private func follow(after id: UInt64?, resumes: Bool, _ take: (AdminEvent) -> Void) async throws {
        var last = id
        var delay = Self.firstRetryDelay
        var hasBegun = false
        let result: Result<Void, any Error>
        attempts: while true {
            do throws(AdminFailure) {
                try await listen(after: last, began: { hasBegun = true }) { event in
                    last = event.report.id
                    delay = Self.firstRetryDelay
                    take(event)
                }
                if !resumes {
                    result = .success(())
                    break attempts
                }
            } catch {
                guard case .notReachable = error, resumes, hasBegun, !Task.isCancelled else {
                    result = .failure(error)
                    break attempts
                }
            }
            do { try await Task.sleep(for: delay) } catch {
                result = .success(())
                break attempts
            }
            delay = min(delay * 2, Self.maxRetryDelay)
        }
        try result.get()
    }

    /// Reads one stream to its end.
    private func listen(
        after id: UInt64?, began: () -> Void, _ take: (AdminEvent) -> Void
    ) async throws(AdminFailure) {
        var request = request(for: Call(path: Paths.events), accept: "text/event-stream")
        if let id { request.fields.append(("Last-Event-ID", "\(id)")) }
        let transfer = try HTTPTransfer(
            request, to: address,
            limits: .init(connect: Timeouts.standard.connect, silence: Self.longestEventSilence))
        let head = try await transfer.head()
        guard head.isSuccess else { return try check(head, await transfer.collect(upTo: Self.largestAnswer)) }
        began()
        var parser = EventParser()
        while let part = try await transfer.nextPart() {
            for event in parser.feed(part) {
                guard let report = try? APIJSON.decode(EventReport.self, from: Array(event.data.utf8)) else {
                    throw .unexpected(address, "an event cannot be read (\(event.data.prefix(80)))")
                }
                take(AdminEvent(report: report, json: event.data))
            }
        }
    }
}
