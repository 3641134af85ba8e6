import Diagnosis
import HTTPWire
import ProxyTypes
import Reactor

/// One connection of an examination: writes what is asked, and tells the examiner what comes. Loop-bound.
final class ExaminedConnection {
    private unowned let examiner: OriginExaminer
    let id: ProbeID
    let stream: any ByteStream
    private var parser = ResponseHeadParser()
    private var head = ResponseHead()
    /// Of the response whose head has come.
    private var body: (reader: BodyReader, answer: ProbeAnswer)?
    /// Methods of the requests that are not answered yet.
    private var asked: [ProbeRequest.Method] = []
    /// What cannot be parsed until more of it has come.
    private var partial: [UInt8] = []
    private var bodyBytes = 0
    /// When part of a request was sent.
    private var partSentAt = Instant.zero
    private var isOver = false

    /// A longer answer is no use.
    private static let mostBytes = 4 << 20
    private static let serverShown = 60
    /// How much of a head is held back.
    private static let rest = 2

    init(_ id: ProbeID, _ stream: any ByteStream, of examiner: OriginExaminer) {
        self.id = id
        self.stream = stream
        self.examiner = examiner
    }

    func start() { stream.handler = self }

    func close() {
        isOver = true
        stream.close()
    }

    // MARK: What is sent

    func send(_ requests: [ProbeRequest]) {
        asked += requests.map(\.method)
        write(requests.flatMap(examiner.bytes(of:)))
    }

    func sendPart(_ request: ProbeRequest) {
        partSentAt = examiner.now
        write(examiner.bytes(of: request).dropLast(Self.rest))
    }

    func sendRest(_ request: ProbeRequest) {
        asked.append(request.method)
        write(examiner.bytes(of: request).suffix(Self.rest))
    }

    func shutdownOutput() { stream.shutdownOutput() }

    private func write(_ bytes: some Collection<UInt8>) {
        Array(bytes).withUnsafeBytes { stream.write($0) }
    }

    /// Of the part that was sent; nil: it is not acknowledged yet.
    var acknowledgedAfter: Interval? {
        guard stream.isAcknowledged, let info = stream.tcpInfo else { return nil }
        return max(examiner.now - partSentAt - .milliseconds(Int64(info.sinceAcknowledged)), .zero)
    }

    // MARK: What comes

    private func tell(_ event: ProbeEvent) {
        guard !isOver else { return }
        examiner.tell(event, of: id)
    }

    private func parse() {
        while !isOver {
            do {
                guard body == nil ? try parseHead() : try parseBody() else { return }
            } catch {
                partial = []
                return tell(.malformed("the answer is no HTTP/1: \(error.message)"))
            }
        }
    }

    /// False: more is needed.
    private func parseHead() throws(WireError) -> Bool {
        guard let method = asked.first else {
            guard !partial.isEmpty else { return false }
            partial = []
            tell(.unsolicited)
            return false
        }
        let bytes = partial
        guard
            try parser.parse(
                bytes.span.bytes, requestMethod: method.wire, limits: examiner.headLimits, into: &head)
        else { return false }
        if head.isInformational {
            partial.removeFirst(head.length)
            tell(.interim(status: head.status))
            return true
        }
        guard head.status != 101 else {
            tell(.malformed("the origin switched protocols without being asked to"))
            return false
        }
        asked.removeFirst()
        let limit = TrailerRules(maxBytes: examiner.headLimits.maxHeadBytes, forbidden: .dropped, nominated: [])
        body = (BodyReader(head.framing, trailers: limit), answer)
        partial.removeFirst(head.length)
        bodyBytes = 0
        return true
    }

    private func parseBody() throws(WireError) -> Bool {
        guard var current = body else { return false }
        let bytes = partial
        let used = try current.reader.consume(bytes.span.bytes)
        partial.removeFirst(used)
        bodyBytes += used
        guard bodyBytes <= Self.mostBytes else {
            tell(.malformed("the answer is longer than \(Self.mostBytes >> 20) MiB: name a path with a shorter one"))
            return false
        }
        guard current.reader.isComplete else {
            body = current
            return false
        }
        body = nil
        tell(.answered(current.answer))
        return true
    }

    private var answer: ProbeAnswer {
        ProbeAnswer(
            status: head.status, version: head.version == .http10 ? .http10 : .http11, persistent: head.persistent,
            saysClose: head.connection.contains(.close), endsWithConnection: head.framing.isUntilClose,
            timeoutHint: head.keepAliveTimeout, maxHint: head.keepAliveMax, server: server)
    }

    private var server: String? {
        guard let entry = head.fields.first(.server) else { return nil }
        let shown = partial[entry.value].prefix(Self.serverShown).filter { (0x20..<0x7F).contains($0) }
        return shown.isEmpty ? nil : String(decoding: shown, as: UTF8.self)
    }
}

extension ExaminedConnection: StreamHandler {
    // It was open before this became its handler.
    func connected() {}
    func outputDrained() {}

    func received(_ bytes: UnsafeRawBufferPointer) {
        partial += bytes
        parse()
    }

    func inputEnded() {
        if var current = body {
            body = nil
            guard current.reader.end() else { return tell(.malformed("the answer was cut short")) }
            tell(.answered(current.answer))
        }
        tell(.ended(.fin))
    }

    func closed(_ cause: StreamEnd) { tell(.ended(.reset)) }
}

extension ProbeRequest.Method {
    fileprivate var wire: HTTPWire.Method {
        switch self {
        case .head: .head
        case .get: .get
        case .post: .post
        }
    }
}
