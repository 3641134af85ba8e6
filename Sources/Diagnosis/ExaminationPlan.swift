package import ProxyTypes

/// What an examination may ask of an origin, and how much of it. Value.
package struct ExaminationPlan: Hashable, Sendable {
    /// Asked for by HEAD, or by GET where HEAD is refused.
    package var path: String
    /// Where a request with a body may be begun; nil: none is. Its body is never sent.
    package var postPath: String?
    /// How long connections are left idle to see when the origin closes them; zero: not at all.
    package var wait: Interval

    package init(path: String = "/", postPath: String? = nil, wait: Interval = Self.usualWait) {
        self.path = path
        self.postPath = postPath
        self.wait = wait
    }

    package static let usualWait = Interval.seconds(75)
    package static let waits = Interval.seconds(1)...Interval.minutes(15)

    // Bounds of every examination.

    package static let mostRequests = 150
    package static let mostConnections = 20
    package static let mostConnectionsAtOnce = 8
    /// On one connection, to find out after how many the origin closes it: 100 is what many servers are set to.
    static let requestsOnOne = 105
    /// For these requests in all.
    static let requestsTime = Interval.seconds(20)
    /// For one answer.
    static let patience = Interval.seconds(10)
    /// When the idle connections are opened: at different moments, as one that closes all at once tells that apart.
    static let watchers: [Interval] = [.zero, .milliseconds(350), .milliseconds(800)]
    /// How long a `100 Continue`, or the answer to a pipelined request, may take longer than an answer did.
    static let extraTime = Interval.seconds(3)

    /// Whether a request line can name it: absolute, and without a space, a control character or a fragment.
    package static func isPath(_ text: String) -> Bool {
        text.utf8.first == UInt8(ascii: "/") && text.utf8.count <= 2000
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }
    }
}

/// One request of an examination. Value.
package struct ProbeRequest: Hashable, Sendable {
    package enum Method: String, Sendable {
        case head = "HEAD"
        case get = "GET"
        case post = "POST"
    }

    package enum Version: String, Sendable {
        case http10 = "HTTP/1.0"
        case http11 = "HTTP/1.1"
    }

    package var method: Method
    package var version = Version.http11
    package var path: String
    /// Only its head is sent: it announces a body, and asks whether it is wanted.
    package var expectsContinue = false

    package init(method: Method, path: String) {
        self.method = method
        self.path = path
    }

    /// As it goes to the origin that requests call `authority`.
    package func head(authority: String, userAgent: String) -> [UInt8] {
        var text = "\(method.rawValue) \(path) \(version.rawValue)\r\nHost: \(authority)\r\n"
        text += "User-Agent: \(userAgent)\r\nAccept: */*\r\n"
        switch version {
        case .http10: text += "Connection: keep-alive\r\n"
        case .http11: break
        }
        if expectsContinue { text += "Content-Type: text/plain\r\nContent-Length: 2\r\nExpect: 100-continue\r\n" }
        return Array((text + "\r\n").utf8)
    }
}
