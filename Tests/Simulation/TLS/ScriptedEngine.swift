import ProxyTypes
import Reactor
import TLS

/// connd's side of the scripted TLS, in the place of libssl: plain records that say what TLS would prove.
final class ScriptedEngine: TLSEngine {
    let below: any ByteStream
    let peer: TLSPeer
    private let context: ScriptedContext
    private let session: ScriptedSession?
    private let ledger: TLSLedger
    private var reader = RecordReader()
    /// What has come and was not looked at; valid within one call of `feed`.
    private var input = UnsafeRawBufferPointer(start: nil, count: 0)
    private var state = State.created
    private var agreed: ServerHello?
    private var newSessions: [ScriptedSession] = []
    private var hasSentCloseNotify = false
    private var message = Message.whole
    /// The round of the loop in which the handshake ended.
    private var openedRound: Int?

    /// libssl writes nothing in the middle of a message.
    private enum Message {
        case whole, partial
        case completed(inRound: Int)
    }

    private enum State {
        case created, awaitingHello
        case awaitingFinished
        case open
        /// The peer has sent close_notify.
        case inputOver
        case broken
    }

    init(
        over stream: any ByteStream, _ peer: TLSPeer, _ context: ScriptedContext, resuming session: ScriptedSession?
    ) {
        below = stream
        self.peer = peer
        self.context = context
        self.session = session
        ledger = context.ledger.value
        ledger.engines += 1
    }

    deinit {
        ledger.engines -= 1
    }

    func feed<Result>(_ bytes: UnsafeRawBufferPointer, _ body: () -> Result) -> Result {
        input = bytes
        // As with libssl, what is not taken within the call is lost.
        defer { input = UnsafeRawBufferPointer(start: nil, count: 0) }
        return body()
    }

    private func next() -> RecordReader.Next {
        if !input.isEmpty {
            reader.append(input)
            input = UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return reader.next()
    }

    private func send(_ record: [UInt8]) { record.withUnsafeBytes { below.write($0) } }

    private func fail(_ reason: TLSFailure.Reason, _ text: String, alert: UInt8? = nil) -> TLSFailure {
        if let alert { send(Records.alert(alert)) }
        state = .broken
        return TLSFailure(reason, text)
    }

    // MARK: The handshake

    func handshake() -> TLSHandshakeStep {
        if case .created = state {
            let offered = session.map { $0.number } ?? 0
            let numbers = Records.bytes(of: offered, ledger.number(of: peer), context.number)
            send(Records.one(.hello, numbers))
            state = .awaitingHello
        }
        while true {
            switch next() {
            case .incomplete: return .wantsInput
            case .nonsense: return .failed(fail(.notTLS, "the origin sent no TLS", alert: 10))
            case .record(let type, let payload):
                if let step = handshake(type, payload) { return step }
            }
        }
    }

    /// Nil where the next record is wanted.
    private func handshake(_ type: RecordType, _ payload: ArraySlice<UInt8>) -> TLSHandshakeStep? {
        switch (state, type) {
        case (_, .alert):
            let code = payload.first ?? 0
            return .failed(fail(code == 0 ? .closed : .alert, "the origin sent alert \(code)"))
        case (.awaitingHello, .serverHello):
            guard let hello = ServerHello(payload) else { return .failed(fail(.malformed, "a malformed hello")) }
            return agree(hello)
        case (.awaitingFinished, .ticketStart): message = .partial
        case (.awaitingFinished, .ticket): note(payload)
        case (.awaitingFinished, .finished):
            if let agreed, agreed.version == .v1_3 || agreed.isResumed { send(Records.one(.finished, [])) }
            state = .open
            openedRound = ledger.kernel.round
            return .done
        default: return .failed(fail(.malformed, "the origin sent \(type) in the handshake", alert: 10))
        }
        return nil
    }

    private func agree(_ hello: ServerHello) -> TLSHandshakeStep? {
        agreed = hello
        if hello.isResumed, session == nil { return .failed(fail(.malformed, "no session was offered", alert: 47)) }
        if hello.version == .v1_2, peer.profile.minVersion == .v1_3 {
            return .failed(fail(.noSharedVersion, "the origin speaks TLS 1.2 only", alert: 70))
        }
        if let objection = hello.objection, peer.profile.verification == .full {
            return .failed(fail(objection, "the certificate is \(objection.name)", alert: 42))
        }
        if hello.version == .v1_2, !hello.isResumed { send(Records.one(.finished, [])) }
        state = .awaitingFinished
        return nil
    }

    func checkPins() -> TLSFailure? {
        guard !peer.profile.pins.isEmpty, let agreed else { return nil }
        if let pin = ServerHello.pin(of: agreed.key), peer.profile.pins.contains(pin) { return nil }
        return TLSFailure(.pinMismatch, "the certificate has key \(agreed.key)")
    }

    // MARK: Data

    func read(into room: UnsafeMutableRawBufferPointer) -> TLSReadStep {
        switch state {
        case .open: break
        case .inputOver: return .closeNotify
        case .created, .awaitingHello, .awaitingFinished, .broken: return .wantsInput
        }
        while true {
            switch next() {
            case .incomplete: return .wantsInput
            case .nonsense: return .failed(fail(.malformed, "the origin sent no record", alert: 10))
            case .record(let type, let payload):
                switch type {
                case .data where payload.isEmpty: continue
                case .data:
                    guard payload.count <= room.count else {
                        ledger.broken("there is no room for a record")
                        return .wantsInput
                    }
                    room.copyBytes(from: payload)
                    ledger.kernel.traffic.fromOrigins += payload.count
                    return .bytes(payload.count)
                case .ticketStart: message = .partial
                case .ticket: note(payload)
                case .keyUpdate:
                    if payload.first == 1 { send(Records.keyUpdate(asksForAnswer: false)) }
                case .alert where payload.first == 0:
                    state = .inputOver
                    return .closeNotify
                case .alert: return .failed(fail(.alert, "the origin sent alert \(payload.first ?? 0)"))
                case .hello, .serverHello, .finished:
                    return .failed(fail(.malformed, "the origin began another handshake", alert: 10))
                }
            }
        }
    }

    var takesOutput: Bool {
        switch message {
        case .partial: false
        case .whole, .completed: true
        }
    }

    /// Whether what is written now may have been decided on in an earlier round.
    var wasOpened: Bool {
        if case .completed(ledger.kernel.round) = message { return false }
        return openedRound != ledger.kernel.round
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> TLSFailure? {
        guard !bytes.isEmpty else { return nil }
        if !takesOutput { ledger.broken("connd writes while a message of TLS has come in part") }
        switch state {
        case .open, .inputOver: break
        case .broken: return nil
        case .created, .awaitingHello, .awaitingFinished:
            ledger.violated(.encrypted, "connd writes before the handshake is finished")
            return nil
        }
        if hasSentCloseNotify { ledger.violated(.encrypted, "connd writes behind its close_notify") }
        ledger.noteRequest(bytes, by: self)
        ledger.kernel.traffic.toOrigins += bytes.count
        var records: [UInt8] = []
        records.reserveCapacity(bytes.count + 2 * Records.header)
        var start = 0
        while start < bytes.count {
            let end = min(start + Records.maxPayload, bytes.count)
            Records.append(.data, UnsafeRawBufferPointer(rebasing: bytes[start..<end]), to: &records)
            start = end
        }
        send(records)
        return nil
    }

    func sendCloseNotify() {
        switch state {
        case .open, .inputOver: break
        case .created, .awaitingHello, .awaitingFinished, .broken: return
        }
        guard !hasSentCloseNotify else { return }
        if !takesOutput { ledger.broken("connd ends while a message of TLS has come in part") }
        hasSentCloseNotify = true
        send(Records.alert(0))
    }

    // MARK: What was agreed on

    var info: TLSInfo {
        TLSInfo(
            version: agreed?.version ?? .v1_3, cipher: "scripted", isResumed: agreed?.isResumed ?? false,
            isVerified: peer.profile.verification == .full, certificateExpires: nil)
    }

    func takeNewSessions() -> [any TLSSession] {
        defer { newSessions = [] }
        return newSessions
    }

    private func note(_ payload: ArraySlice<UInt8>) {
        if case .partial = message { message = .completed(inRound: ledger.kernel.round) }
        let numbers = Records.numbers(in: payload)
        guard numbers.count == 2 else { return ledger.broken("a malformed ticket") }
        let expires = ledger.kernel.wallClock() + Int64(numbers[1])
        newSessions.append(
            ScriptedSession(number: numbers[0], isUsedOnce: agreed?.version == .v1_3, expires: expires))
    }
}

final class ScriptedSession: TLSSession {
    /// As the origins know it.
    let number: UInt32
    let isUsedOnce: Bool
    let expires: Int64

    init(number: UInt32, isUsedOnce: Bool, expires: Int64) {
        self.number = number
        self.isUsedOnce = isUsedOnce
        self.expires = expires
    }
}

/// What a worker has made of files that the simulation has not. Shared, although there is one thread.
final class ScriptedContext: TLSContext {
    let number: UInt32
    let ledger: SingleThreaded<TLSLedger>

    init(_ number: UInt32, _ ledger: TLSLedger) {
        self.number = number
        self.ledger = SingleThreaded(ledger)
    }

    func engine(
        over stream: any ByteStream, for peer: TLSPeer, resuming session: (any TLSSession)?
    ) throws(TLSFailure) -> any TLSEngine {
        ScriptedEngine(over: stream, peer, self, resuming: session as? ScriptedSession)
    }
}

struct ScriptedContextMaker: TLSContextMaker {
    let ledger: SingleThreaded<TLSLedger>

    func make(_ key: TLSProfile.ContextKey) -> Result<any TLSContext, TLSFailure> { ledger.value.make(key) }
    func stamps(_ key: TLSProfile.ContextKey) -> FileStamps { FileStamps(version: ledger.value.version(of: key.files)) }
}
