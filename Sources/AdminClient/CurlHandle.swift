import CCurl
import Glibc
import Synchronization

/// One transfer of libcurl, with the multi handle that drives it. Used by one actor, except for `cancel`, which any
/// thread may call.
///
/// Unchecked: curl_multi_wakeup(3) is the one function of libcurl that may be called from another thread, and `cancel`
/// calls nothing else.
final class CurlHandle: @unchecked Sendable {
    private let easy: UnsafeMutableRawPointer
    private let multi: UnsafeMutableRawPointer
    private var fields: UnsafeMutablePointer<curl_slist>?
    private let message = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private let cancelled = Atomic(false)
    let response = ReceivedResponse()

    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init(_ request: HTTPRequest, to address: AdminAddress, limits: HTTPTransfer.Limits) throws(AdminFailure) {
        guard Self.isReady, let easy = curl_easy_init() else {
            throw .notReachable(address, "libcurl could not be initialized")
        }
        guard let multi = curl_multi_init() else {
            curl_easy_cleanup(easy)
            throw .notReachable(address, "libcurl could not be initialized")
        }
        (self.easy, self.multi) = (easy, multi)
        message.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        connect(to: address, limits)
        try send(request, to: address)
        receive()
        curl_multi_add_handle(multi, easy)
    }

    deinit {
        curl_multi_remove_handle(multi, easy)
        curl_easy_cleanup(easy)
        curl_multi_cleanup(multi)
        curl_slist_free_all(fields)
        message.deallocate()
    }

    var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

    func cancel() {
        cancelled.store(true, ordering: .releasing)
        curl_multi_wakeup(multi)
    }

    /// Sends and receives what is possible without waiting. Returns the result once the transfer has ended.
    func perform() -> CURLcode? {
        var running: CInt = 0
        curl_multi_perform(multi, &running)
        var left: CInt = 0
        while let message = curl_multi_info_read(multi, &left) {
            if message.pointee.msg == CURLMSG_DONE { return connd_curl_result(message) }
        }
        return nil
    }

    /// Waits until a socket is ready, a timeout of libcurl is due, `limit` has passed or the transfer is cancelled.
    func wait(_ limit: Duration?) {
        let bound = Duration.seconds(60)
        curl_multi_poll(multi, nil, 0, CInt(clamping: Self.milliseconds(min(limit ?? bound, bound))), nil)
    }

    // MARK: Options

    private func connect(to address: AdminAddress, _ limits: HTTPTransfer.Limits) {
        // Otherwise libcurl would interrupt the resolver with a signal when it times out.
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_FRESH_CONNECT, 1)
        set(CURLOPT_FORBID_REUSE, 1)
        // Ignores the proxy variables of the environment.
        set(CURLOPT_PROXY, "")
        set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
        set(CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(limits.connect))
        if let total = limits.total { set(CURLOPT_TIMEOUT_MS, Self.milliseconds(total)) }
        if case .unix(let path) = address.endpoint { set(CURLOPT_UNIX_SOCKET_PATH, path) }
    }

    private func send(_ request: HTTPRequest, to address: AdminAddress) throws(AdminFailure) {
        set(CURLOPT_URL, address.base + request.target)
        // A `..` in a name is part of the name.
        set(CURLOPT_PATH_AS_IS, 1)
        // Suppresses fields that libcurl adds by default.
        var lines = ["Expect:"]
        if !request.fields.contains(where: { $0.name == "Content-Type" }) { lines.append("Content-Type:") }
        lines += request.fields.map { "\($0.name): \($0.value)" }
        for line in lines {
            guard line.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw .unexpected(address, "a field of the request contains a control character")
            }
            fields = curl_slist_append(fields, line)
        }
        set(CURLOPT_HTTPHEADER, fields)
        if let body = request.body ?? (request.method == "POST" ? [] : nil) {
            set(CURLOPT_POSTFIELDSIZE, body.count)
            (body + [0]).withUnsafeBytes { bytes in
                _ = connd_curl_set_pointer(
                    easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
            }
        }
        if request.method != "GET" { set(CURLOPT_CUSTOMREQUEST, request.method) }
    }

    private func receive() {
        connd_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, message)
        let context = Unmanaged.passUnretained(response).toOpaque()
        connd_curl_set_pointer(easy, CURLOPT_HEADERDATA, context)
        connd_curl_set_receiver(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
            ReceivedResponse.at(context)?.addLine(UnsafeRawBufferPointer(start: bytes, count: size * count))
            return size * count
        }
        connd_curl_set_pointer(easy, CURLOPT_WRITEDATA, context)
        connd_curl_set_receiver(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            ReceivedResponse.at(context)?.addBody(UnsafeRawBufferPointer(start: bytes, count: size * count))
            return size * count
        }
    }

    private func set(_ option: CURLoption, _ value: Int) {
        connd_curl_set_long(easy, option, value)
    }

    private func set(_ option: CURLoption, _ value: String) {
        connd_curl_set_text(easy, option, value)
    }

    private func set(_ option: CURLoption, _ value: UnsafeMutablePointer<curl_slist>?) {
        connd_curl_set_pointer(easy, option, value)
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }

    // MARK: Failures

    /// Why the transfer ended with `code`.
    func failure(_ code: CURLcode, _ address: AdminAddress, _ limits: HTTPTransfer.Limits) -> AdminFailure {
        let text = message[0] == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: message)
        switch code {
        case CURLE_OPERATION_TIMEDOUT:
            if isConnected, let total = limits.total { return .notReachable(address, "no answer within \(total)") }
            return .notReachable(address, "no connection within \(limits.connect)")
        case CURLE_COULDNT_RESOLVE_HOST: return .notReachable(address, "no such host")
        case CURLE_GOT_NOTHING: return .notReachable(address, "it closed the connection without an answer")
        case CURLE_PARTIAL_FILE:
            return .notReachable(address, "it closed the connection before the end of its answer")
        case CURLE_COULDNT_CONNECT, CURLE_RECV_ERROR, CURLE_SEND_ERROR:
            guard let number = systemError else { return .notReachable(address, text) }
            return .notReachable(address, String(cString: strerror(number)))
        // libcurl's names for HTTP/0.9 and for an invalid status line.
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
            return .unexpected(address, "what answers there does not speak HTTP")
        default: return .notReachable(address, text)
        }
    }

    /// Including the TLS handshake.
    private var isConnected: Bool {
        var microseconds: curl_off_t = 0
        connd_curl_get_time(easy, CURLINFO_PRETRANSFER_TIME_T, &microseconds)
        return microseconds > 0
    }

    private var systemError: CInt? {
        var number = 0
        connd_curl_get_long(easy, CURLINFO_OS_ERRNO, &number)
        return number == 0 ? nil : CInt(number)
    }
}

/// What libcurl's callbacks have received: the head of the final response, and the part of the body that was not taken
/// yet. Used by the actor that drives the transfer.
final class ReceivedResponse {
    private var partial = HTTPResponseHead()
    /// Nil until it is complete.
    private(set) var head: HTTPResponseHead?
    private var body: [UInt8] = []
    private(set) var lastByte = ContinuousClock.now

    fileprivate static func at(_ context: UnsafeMutableRawPointer?) -> ReceivedResponse? {
        context.map { Unmanaged<ReceivedResponse>.fromOpaque($0).takeUnretainedValue() }
    }

    func takeBody() -> [UInt8]? {
        guard !body.isEmpty else { return nil }
        defer { body = [] }
        return body
    }

    /// A status line, a field or the empty line at the end. Trailers, which come after `head` is set, are ignored.
    fileprivate func addLine(_ bytes: UnsafeRawBufferPointer) {
        lastByte = .now
        guard head == nil else { return }
        let line = String(decoding: bytes, as: UTF8.self).prefix { !$0.isNewline }
        if line.isEmpty {
            // Interim responses (1xx) are ignored.
            if partial.status >= 200 { head = partial }
        } else if line.hasPrefix("HTTP/") {
            partial = HTTPResponseHead()
            let words = line.split(separator: " ")
            partial.status = words.count > 1 ? Int(words[1]) ?? 0 : 0
        } else if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            partial.fields[line[..<colon].lowercased()] = String(value)
        }
    }

    fileprivate func addBody(_ bytes: UnsafeRawBufferPointer) {
        lastByte = .now
        body += bytes
    }
}
