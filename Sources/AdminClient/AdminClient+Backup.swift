import AdminModels

extension AdminClient {
    /// Enough for a large database on a slow disk.
    private static let longestBackup = Duration.seconds(600)
    private static let longestSilence = Duration.seconds(60)

    /// Passes the database to `take` piece by piece. Throws what `take` throws, and if the answer ends early.
    package func backup(_ take: (ArraySlice<UInt8>) throws -> Void) async throws {
        let transfer = try HTTPTransfer(
            request(for: Call(method: "POST", path: Paths.backup)), to: address,
            limits: .init(
                connect: Timeouts.standard.connect, total: Self.longestBackup, silence: Self.longestSilence))
        let head = try await transfer.head()
        guard head.isSuccess else { return try check(head, await transfer.collect(upTo: 1 << 20)) }
        var count = 0
        while let part = try await transfer.nextPart() {
            count += part.count
            try take(part[...])
        }
        let expected = head.fields["content-length"].flatMap { Int($0) }
        guard count == expected else {
            throw AdminFailure.notReachable(address, "it sent \(count) of \(expected ?? 0) bytes")
        }
    }
}
