import HTTPWire

/// What a request's head says of how the request is served. Value.
struct RequestTraits: BitwiseCopyable {
    /// What the request makes of the client's connection.
    enum Purpose: BitwiseCopyable {
        case message
        /// Another protocol, if the origin agrees (101).
        case upgrade
        /// A tunnel (CONNECT).
        case tunnel
    }

    var method = Method.other
    var version = HTTPVersion.http11
    var purpose = Purpose.message
    /// Its credentials log in the connection that it is sent on.
    var bindsConnection = false
    /// What the client wants; the answer also depends on the response.
    var persists = true

    /// Stands for bytes that are no request.
    static let unreadable = RequestTraits(persists: false)

    private init(persists: Bool) {
        self.persists = persists
    }

    init() {}

    init(_ head: borrowing RequestHead) {
        self.init(answeredHere: head)
        bindsConnection = head.bindsConnection
        if head.method == .connect {
            purpose = .tunnel
        } else if head.upgrade {
            purpose = .upgrade
        }
    }

    /// Of a request that connd answers itself: it makes nothing else of any connection.
    init(answeredHere head: borrowing RequestHead) {
        method = head.method
        version = head.version
        persists = head.persistent
    }
}
