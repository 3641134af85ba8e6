/// What the bytes of the fuzzer, and of the corpora that the tests replay, are given to; named as its corpus.
package enum FuzzTarget: String, CaseIterable, Sendable {
    case requestHead = "request-head"
    case responseHead = "response-head"
    case responseRewrite = "response-rewrite"
    case chunks
    case clientHello = "client-hello"
    case poolEvents = "pool-events"
    case tlsRecords = "tls-records"
    case dnsMessage = "dns-message"

    /// The rule that the input broke; nil where all hold.
    package func ruleBroken(by input: [UInt8]) -> String? {
        switch self {
        case .requestHead: HeadChecks.request(input)
        case .responseHead: HeadChecks.response(input)
        case .responseRewrite: RewriteChecks.response(input)
        case .chunks: ChunkChecks.chunks(input)
        case .clientHello: HelloChecks.clientHello(input)
        case .poolEvents: PoolEvents.play(input)
        case .tlsRecords: TLSRecords.play(input)
        case .dnsMessage: DNSChecks.message(input)
        }
    }
}
