package import AdminModels
import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// One event of the daemon, and its JSON as it came. Value.
package struct AdminEvent: Sendable {
    package var report: EventReport
    package var json: String
}

extension AdminClient {
    /// A heartbeat comes every 15 s; two that stay out mean that the daemon is gone.
    static let longestSilence = TimeAmount.seconds(40)
    static let firstPause = Duration.milliseconds(250)
    static let longestPause = Duration.seconds(5)

    /// The events after `id` that are still kept and then what comes; nil: only what comes. With `resumes`, a stream
    /// that breaks is taken up again after the last event that came; what the daemon refuses still ends it.
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
        let client = Self.makeClient(.standard, read: Self.longestSilence)
        var last = id
        var pause = Self.firstPause
        var hasBegun = false
        let result: Result<Void, any Error>
        attempts: while true {
            do throws(AdminFailure) {
                try await listen(client, after: last, began: { hasBegun = true }) { event in
                    last = event.report.id
                    pause = Self.firstPause
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
            do { try await Task.sleep(for: pause) } catch {
                result = .success(())
                break attempts
            }
            pause = min(pause * 2, Self.longestPause)
        }
        try? await client.shutdown()
        try result.get()
    }

    /// One stream to its end.
    private func listen(
        _ client: HTTPClient, after id: UInt64?, began: () -> Void, _ take: (AdminEvent) -> Void
    ) async throws(AdminFailure) {
        var request = request(for: Call(path: Paths.events))
        request.headers.replaceOrAdd(name: "Accept", value: "text/event-stream, application/problem+json")
        if let id { request.headers.add(name: "Last-Event-ID", value: "\(id)") }
        do {
            let response = try await client.execute(request, deadline: .distantFuture)
            guard response.status == .ok else {
                let body = try await response.body.collect(upTo: Self.largestAnswer)
                return try check(response, Array(body.readableBytesView))
            }
            began()
            var parser = EventParser()
            for try await chunk in response.body {
                for event in parser.feed(chunk.readableBytesView) {
                    guard let report = try? APIJSON.decode(EventReport.self, from: Array(event.data.utf8)) else {
                        throw AdminFailure.unexpected(address, "an event cannot be read (\(event.data.prefix(80)))")
                    }
                    take(AdminEvent(report: report, json: event.data))
                }
            }
        } catch let failure as AdminFailure {
            throw failure
        } catch {
            throw translate(error)
        }
    }
}
