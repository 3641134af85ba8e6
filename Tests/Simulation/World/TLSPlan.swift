import ProxyTypes

/// How an origin speaks TLS. Value.
struct TLSPlan: Sendable {
    enum TicketTime: Sendable {
        /// In one flight with the end of the handshake.
        case withHandshake
        case after(Interval)
        /// Before the bytes of each answer.
        case withAnswers
        /// So long behind the end of each answer.
        case behindAnswers(Interval)
    }

    enum Resumption: Sendable {
        case always, sometimes, never
    }

    struct Handshake: Sendable {
        enum Fault: Sendable {
            /// After so many thousandths of its flight.
            case cut(at: Int, Cut)
            case alert, silence, garbage
            case badCertificate(TLSFailure.Reason)
            /// Another key than `TLSPlan.key`.
            case otherKey
            /// It ends the connection, or speaks, as soon as it has sent its flight.
            case endsAtOnce, speaksAtOnce
        }

        enum Cut: Sendable {
            case fin, reset, silence
        }

        var fault: Fault?
        /// The number of writes, with `pause` between them.
        var writes = 1
        var pause = Interval.zero
    }

    struct KeyUpdates: Sendable {
        var perWrite: Int
        var askForAnswers: Bool
    }

    var version = TLSInfo.Version.v1_3
    var key: UInt8 = 1
    var tickets = 1
    var ticketTime = TicketTime.after(.zero)
    /// Tickets behind the handshake are larger than a record, and come in two parts.
    var ticketSplit: Interval?
    var ticketLifetime = Interval.seconds(3600)
    var resumption = Resumption.always
    var recordSize = Records.maxPayload
    var keyUpdates: KeyUpdates?
    /// Of its first connections; later ones are opened without faults.
    var handshakes: [Handshake] = []
    /// Whether it says close_notify before a FIN that ends nothing.
    var announcesEnds = true
    /// From close_notify to the FIN.
    var endDelay = Interval.zero
    /// Whether half of the requests name it by `http:`, and connd originates TLS.
    var isOriginated = false
    /// The file of certificates that connd trusts it by.
    var file: String?

    func handshake(_ index: Int) -> Handshake { index < handshakes.count ? handshakes[index] : Handshake() }
}

extension TLSPlan {
    var summary: String {
        var text = "TLS \(version.name), \(tickets) ticket(s) \(ticketTime), resumes \(resumption)"
        text += ", records of \(recordSize)"
        if ticketSplit != nil { text += ", tickets in two parts" }
        if let keyUpdates { text += ", \(keyUpdates.perWrite) key updates a write (\(keyUpdates.askForAnswers))" }
        if !announcesEnds { text += ", no close_notify" }
        if endDelay > .zero { text += ", FIN \(endDelay.nanoseconds / 1_000_000) ms behind close_notify" }
        if isOriginated { text += ", originated" }
        if let file { text += ", \(file)" }
        for (index, handshake) in handshakes.enumerated() {
            text += ", handshake \(index): \(handshake.writes) writes"
            if let fault = handshake.fault { text += " \(fault)" }
        }
        return text
    }
}
