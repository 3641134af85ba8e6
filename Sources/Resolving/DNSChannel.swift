import CAres
import ProxyTypes
import Reactor

#if canImport(Glibc)
    import Glibc
#endif

/// Asks DNS servers, by c-ares, which tries them in turn, again, and over TCP where an answer was cut. Any number of
/// questions are under way at a time, each independent of the others. Loop-bound.
final class DNSChannel {
    typealias Completion = (DNSAnswer) -> Void

    /// One question while it is under way.
    private final class Question {
        let channel: DNSChannel
        let name: String
        let type: DNSMessage.RecordType
        let completion: Completion

        init(_ channel: DNSChannel, _ name: String, _ type: DNSMessage.RecordType, _ completion: @escaping Completion) {
            self.channel = channel
            self.name = name
            self.type = type
            self.completion = completion
        }
    }

    let prepared: PreparedChannel
    private let reactor: Reactor
    private var descriptors: DescriptorSet?
    private let timer = Deadline()
    /// Asked, and not answered yet.
    private(set) var underWay = 0

    /// How often c-ares is asked what has timed out, while a question is under way. To be told when the next one will,
    /// it would go through all of them each time.
    private static let tick = Interval.milliseconds(50)
    /// More questions fail at once: abandoned ones stay with c-ares until they time out.
    static let maxUnderWay = 8_192

    init(_ prepared: PreparedChannel, on reactor: Reactor) throws(SystemError) {
        self.prepared = prepared
        self.reactor = reactor
        timer.owner = self
        descriptors = try DescriptorSet(on: reactor) { [unowned self] descriptor, readable, writable in
            ares_process_fd(
                self.prepared.channel, readable ? descriptor : ARES_SOCKET_BAD, writable ? descriptor : ARES_SOCKET_BAD)
        }
        prepared.adopt { [unowned self] in descriptors?.update($0, readable: $1, writable: $2) }
    }

    deinit {
        timer.owner = nil
    }

    /// No question may be asked any more, and none is under way.
    func close() {
        reactor.timer.remove(timer)
        descriptors?.close()
    }

    /// `completion` is called once, perhaps before this returns.
    func ask(_ name: String, _ type: DNSMessage.RecordType, _ completion: @escaping Completion) {
        guard underWay < Self.maxUnderWay else {
            return completion(.failed("too many questions to DNS servers are under way", isTimeout: false))
        }
        underWay += 1
        let question = Unmanaged.passRetained(Question(self, name, type, completion))
        let internet: CInt = 1
        ares_query(
            prepared.channel, name, internet, CInt(type.rawValue),
            { argument, status, _, bytes, count in
                guard let argument else { return }
                let question = Unmanaged<Question>.fromOpaque(argument).takeRetainedValue()
                question.channel.underWay -= 1
                let message = UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : Int(count))
                question.completion(DNSChannel.answer(status, message, question.name, question.type))
            }, question.toOpaque())
        if underWay > 0 { reactor.timer.wake(timer, at: reactor.now + Self.tick) }
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

extension DNSChannel: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant {
        guard underWay > 0 else { return .distantFuture }
        ares_process_fd(prepared.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD)
        return underWay > 0 ? now + Self.tick : .distantFuture
    }
}
