import CAres
import ProxyTypes
import Reactor

#if canImport(Glibc)
    import Glibc
#endif

/// One question to DNS servers while it is under way. Loop-bound.
final class DNSQuestion {
    typealias Completion = (DNSAnswer) -> Void

    /// Who waits for its answer.
    enum Standing {
        /// A look-up that has no answer yet.
        case needed
        /// A look-up that could answer without it, and adds what comes.
        case late
        case abandoned
    }

    let name: String
    let type: DNSMessage.RecordType
    fileprivate let channel: DNSChannel
    fileprivate var completion: Completion?
    private(set) var standing = Standing.needed

    fileprivate init(
        _ name: String, _ type: DNSMessage.RecordType, _ channel: DNSChannel, _ completion: @escaping Completion
    ) {
        self.name = name
        self.type = type
        self.channel = channel
        self.completion = completion
        channel.underWay[.needed] += 1
    }

    /// Not after its answer, which ends it, and never from abandoned.
    func become(_ next: Standing) {
        guard completion != nil else { return }
        channel.underWay[standing] -= 1
        channel.underWay[next] += 1
        standing = next
        if case .abandoned = next { completion = nil }
    }

    fileprivate func end(_ answer: DNSAnswer) {
        channel.underWay[standing] -= 1
        let completion = completion
        self.completion = nil
        completion?(answer)
    }
}

/// A channel of c-ares, which tries the servers in turn, again, and over TCP where an answer was cut. Loop-bound.
final class DNSChannel {
    /// Questions that are not answered yet.
    struct UnderWay {
        fileprivate(set) var needed = 0
        fileprivate(set) var late = 0
        fileprivate(set) var abandoned = 0

        var total: Int { needed + late + abandoned }

        fileprivate subscript(standing: DNSQuestion.Standing) -> Int {
            get {
                switch standing {
                case .needed: needed
                case .late: late
                case .abandoned: abandoned
                }
            }
            set {
                switch standing {
                case .needed: needed = newValue
                case .late: late = newValue
                case .abandoned: abandoned = newValue
                }
            }
        }
    }

    let prepared: PreparedChannel
    private var descriptors: DescriptorSet?
    fileprivate(set) var underWay = UnderWay()
    private(set) var asked = 0

    init(_ prepared: PreparedChannel, on reactor: Reactor) throws(SystemError) {
        self.prepared = prepared
        descriptors = try DescriptorSet(on: reactor) { [unowned self] descriptor, readable, writable in
            ares_process_fd(
                self.prepared.channel, readable ? descriptor : ARES_SOCKET_BAD, writable ? descriptor : ARES_SOCKET_BAD)
        }
        prepared.adopt { [unowned self] in descriptors?.update($0, readable: $1, writable: $2) }
    }

    /// Not from within an answer. What is under way fails; no question may be asked any more.
    func close() {
        ares_cancel(prepared.channel)
        descriptors?.close()
    }

    /// `completion` is called once, perhaps before this returns, unless the question is abandoned.
    func ask(
        _ name: String, _ type: DNSMessage.RecordType, _ completion: @escaping DNSQuestion.Completion
    ) -> DNSQuestion {
        asked += 1
        let question = DNSQuestion(name, type, self, completion)
        let internet: CInt = 1
        ares_query(
            prepared.channel, name, internet, CInt(type.rawValue),
            { argument, status, _, bytes, count in
                guard let argument else { return }
                let question = Unmanaged<DNSQuestion>.fromOpaque(argument).takeRetainedValue()
                let message = UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : Int(count))
                question.end(DNSChannel.answer(status, message, question.name, question.type))
            }, Unmanaged.passRetained(question).toOpaque())
        return question
    }

    /// Lets c-ares see which questions have timed out.
    func tick() {
        if underWay.total > 0 { ares_process_fd(prepared.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD) }
    }

    private static func answer(
        _ status: CInt, _ message: UnsafeRawBufferPointer, _ name: String, _ type: DNSMessage.RecordType
    ) -> DNSAnswer {
        switch status {
        case ARES_SUCCESS, ARES_ENODATA, ARES_ENOTFOUND:
            message.isEmpty
                ? .absent(nameExists: status == ARES_ENODATA, ttl: nil)
                : DNSMessage.answer(in: message, of: name, type)
        case ARES_ETIMEOUT: .failed("no DNS server answered in time", isTimeout: true)
        // c-ares says the same of servers that answered SERVFAIL or REFUSED.
        case ARES_ECONNREFUSED: .failed("no DNS server could be reached, or all failed or refused", isTimeout: false)
        case ARES_ESERVFAIL: .failed("the DNS server failed (SERVFAIL)", isTimeout: false)
        case ARES_EREFUSED: .failed("the DNS server refused the question", isTimeout: false)
        default: .failed(String(cString: ares_strerror(status)), isTimeout: false)
        }
    }
}
