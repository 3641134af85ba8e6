import ProxyTypes

/// What one record of the scripted TLS is. None is text, so that a record is never taken for HTTP.
enum RecordType: UInt8 {
    /// The offered session (0: none), the peer and the context.
    case hello = 0x81
    /// `ServerHello`.
    case serverHello
    case finished
    /// The first part of a message that ends with a ticket.
    case ticketStart
    /// The number of a session, and how long it lasts.
    case ticket
    case data
    /// 1: the other side is to answer with one of its own.
    case keyUpdate
    /// 0: close_notify.
    case alert
}

/// Frames records: one byte of type, two of length, and the payload. Pure.
enum Records {
    static let header = 3
    /// As in TLS.
    static let maxPayload = 16_384
    /// About as long as one of TLS 1.3.
    static let keyUpdateSize = 27

    static func append(_ type: RecordType, _ payload: some Collection<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(type.rawValue)
        bytes.append(UInt8(payload.count >> 8))
        bytes.append(UInt8(payload.count & 0xFF))
        bytes.append(contentsOf: payload)
    }

    static func one(_ type: RecordType, _ payload: some Collection<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        append(type, payload, to: &bytes)
        return bytes
    }

    static func keyUpdate(asksForAnswer: Bool) -> [UInt8] {
        one(.keyUpdate, [asksForAnswer ? 1 : 0] + [UInt8](repeating: 0, count: keyUpdateSize - 1))
    }

    static func alert(_ code: UInt8) -> [UInt8] { one(.alert, [code]) }

    static func bytes(of numbers: UInt32...) -> [UInt8] {
        numbers.flatMap { [UInt8($0 >> 24), UInt8($0 >> 16 & 0xFF), UInt8($0 >> 8 & 0xFF), UInt8($0 & 0xFF)] }
    }

    static func numbers(in payload: ArraySlice<UInt8>) -> [UInt32] {
        var numbers: [UInt32] = []
        var rest = payload
        while rest.count >= 4 {
            numbers.append(rest.prefix(4).reduce(0) { $0 << 8 | UInt32($1) })
            rest = rest.dropFirst(4)
        }
        return numbers
    }
}

/// Takes a stream of bytes apart into records. Value.
struct RecordReader {
    enum Next {
        case record(RecordType, ArraySlice<UInt8>)
        case incomplete
        /// What comes is no record.
        case nonsense
    }

    private var bytes: [UInt8] = []
    private var start = 0

    /// Read only in part.
    var pendingBytes: Int { bytes.count - start }

    mutating func append(_ more: UnsafeRawBufferPointer) {
        if start > 0 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes.append(contentsOf: more)
    }

    mutating func next() -> Next {
        guard start < bytes.count else { return .incomplete }
        guard let type = RecordType(rawValue: bytes[start]) else { return .nonsense }
        guard bytes.count - start >= Records.header else { return .incomplete }
        let count = Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
        guard count <= Records.maxPayload else { return .nonsense }
        let first = start + Records.header
        guard bytes.count >= first + count else { return .incomplete }
        start = first + count
        return .record(type, bytes[first..<start])
    }
}

/// How an origin agrees. Value.
struct ServerHello {
    var version: TLSInfo.Version
    var isResumed: Bool
    /// What is wrong with its certificate.
    var objection: TLSFailure.Reason?
    /// Names its public key.
    var key: UInt8

    var payload: [UInt8] {
        [version.rawValue, isResumed ? 1 : 0, objection.map { $0.rawValue + 1 } ?? 0, key]
    }

    init(version: TLSInfo.Version, isResumed: Bool, objection: TLSFailure.Reason?, key: UInt8) {
        self.version = version
        self.isResumed = isResumed
        self.objection = objection
        self.key = key
    }

    init?(_ payload: ArraySlice<UInt8>) {
        let bytes = Array(payload)
        guard bytes.count == 4, let version = TLSInfo.Version(rawValue: bytes[0]) else { return nil }
        self.version = version
        isResumed = bytes[1] == 1
        objection = bytes[2] == 0 ? nil : TLSFailure.Reason(rawValue: bytes[2] - 1)
        key = bytes[3]
    }

    static func pin(of key: UInt8) -> PublicKeyPin? {
        PublicKeyPin(bytes: [UInt8](repeating: key, count: PublicKeyPin.byteCount))
    }
}
