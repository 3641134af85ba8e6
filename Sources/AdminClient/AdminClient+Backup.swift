import AdminModels
import AsyncHTTPClient
import NIOCore
import NIOHTTP1

extension AdminClient {
    /// Enough for a large database on a slow disk.
    static let longestBackup = TimeAmount.minutes(10)
    /// Between two parts of it.
    private static let longestGap = TimeAmount.seconds(60)

    /// The database, part by part as it comes. It throws where `take` does, and where not all of it came.
    package func backup(_ take: (ArraySlice<UInt8>) throws -> Void) async throws {
        let http = Self.makeClient(.standard, read: Self.longestGap)
        let result: Result<Void, any Error>
        do {
            let response = try await http.execute(
                request(for: Call(method: .POST, path: Paths.backup)), timeout: Self.longestBackup)
            if !(200..<300).contains(Int(response.status.code)) {
                let body = try await response.body.collect(upTo: 1 << 20)
                try check(response, Array(body.readableBytesView))
            }
            let expected = response.headers.first(name: "content-length").flatMap { Int($0) }
            var count = 0
            for try await part in response.body {
                count += part.readableBytes
                do { try take(Array(part.readableBytesView)[...]) } catch { throw NotTaken(error: error) }
            }
            guard count == expected else {
                throw AdminFailure.notReachable(address, "it sent \(count) of \(expected ?? 0) bytes")
            }
            result = .success(())
        } catch let failure as AdminFailure {
            result = .failure(failure)
        } catch let stop as NotTaken {
            result = .failure(stop.error)
        } catch {
            result = .failure(translate(error))
        }
        try? await http.shutdown()
        try result.get()
    }
}

/// Where the bytes go is at fault, not where they come from.
private struct NotTaken: Error {
    let error: any Error
}
