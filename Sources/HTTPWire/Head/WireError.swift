/// What is wrong with a message that is refused: one case per fault, without payload, so that it may be a label.
package enum WireError: UInt8, Error, CaseIterable, BitwiseCopyable, Sendable {
    case badRequestLine, methodTooLong, targetTooLong, badTarget, unsupportedScheme, userinfoInTarget
    case hostBeyondASCII, percentInHost
    case unsupportedVersion
    case badStatusLine
    case headTooLarge, tooManyFields
    case bareCR, bareLF, whitespaceBeforeColon, foldedLine, badFieldName, controlCharacter
    case badContentLength, differingContentLengths, contentLengthWithTransferEncoding
    case badTransferEncoding, chunkedNotLast, chunkedTwice, unknownTransferCoding, transferEncodingInHTTP10
    case connectWithBody
    case missingHost, severalHosts, badHost
    case badConnection, nominatedFraming
    case badMaxForwards
    case badChunkSize, badChunkExtension, chunkExtensionTooLong, badChunkEnd
    case badTrailer, forbiddenTrailer, trailersTooLarge

    /// What a client that sent this is answered.
    package var status: Int { entry.status }
    package var name: String { entry.name }
    /// One line for a human.
    package var message: String { entry.message }

    private var entry: (status: Int, name: String, message: String) {
        switch self {
        case .badRequestLine:
            (400, "bad_request_line", "The request line is not: method, one space, target, one space, HTTP/1.1.")
        case .methodTooLong: (501, "method_too_long", "The method is longer than any that exists.")
        case .targetTooLong: (414, "target_too_long", "The request target is too long.")
        case .badTarget: (400, "bad_target", "The request target is malformed.")
        case .unsupportedScheme: (400, "unsupported_scheme", "The target's scheme is neither http nor https.")
        case .userinfoInTarget: (400, "userinfo_in_target", "The request target holds a user name or a password.")
        case .hostBeyondASCII:
            (
                400, "host_beyond_ascii",
                "The target's host is not ASCII: write an international name with A-labels (xn--...)."
            )
        case .percentInHost:
            (
                400, "percent_in_host",
                "The target's host has a percent sign: neither percent-encoding nor zones of addresses may stand there."
            )
        case .unsupportedVersion: (505, "unsupported_version", "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
        case .badStatusLine: (400, "bad_status_line", "The status line is malformed.")
        case .headTooLarge: (431, "head_too_large", "The head is larger than max_head_bytes allows.")
        case .tooManyFields: (431, "too_many_fields", "The head has too many fields.")
        case .bareCR: (400, "bare_cr", "A carriage return is not followed by a line feed.")
        case .bareLF: (400, "bare_lf", "A line feed does not follow a carriage return.")
        case .whitespaceBeforeColon:
            (400, "whitespace_before_colon", "There is whitespace between a field's name and its colon.")
        case .foldedLine: (400, "folded_line", "A field line begins with whitespace (line folding is obsolete).")
        case .badFieldName: (400, "bad_field_name", "A field line does not begin with a name and a colon.")
        case .controlCharacter: (400, "control_character", "The head holds a control character.")
        case .badContentLength: (400, "bad_content_length", "Content-Length is not a number, or too large.")
        case .differingContentLengths: (400, "differing_content_lengths", "The Content-Length values differ.")
        case .contentLengthWithTransferEncoding:
            (400, "content_length_with_transfer_encoding", "There are both Content-Length and Transfer-Encoding.")
        case .badTransferEncoding: (400, "bad_transfer_encoding", "Transfer-Encoding is malformed.")
        case .chunkedNotLast: (400, "chunked_not_last", "The last transfer coding is not chunked.")
        case .chunkedTwice: (400, "chunked_twice", "Transfer-Encoding says chunked more than once.")
        case .unknownTransferCoding: (501, "unknown_transfer_coding", "No transfer coding but chunked is supported.")
        case .transferEncodingInHTTP10:
            (400, "transfer_encoding_in_http10", "HTTP/1.0 has no Transfer-Encoding.")
        case .connectWithBody: (400, "connect_with_body", "A CONNECT request cannot have a body.")
        case .missingHost: (400, "missing_host", "An HTTP/1.1 request needs a Host field.")
        case .severalHosts: (400, "several_hosts", "There is more than one Host field.")
        case .badHost: (400, "bad_host", "The Host field is not a host with an optional port.")
        case .badConnection: (400, "bad_connection", "The Connection field is malformed, or names too many fields.")
        case .nominatedFraming:
            (400, "nominated_framing", "The Connection field names a field that frames or routes the message.")
        case .badMaxForwards: (400, "bad_max_forwards", "Max-Forwards is not one number.")
        case .badChunkSize: (400, "bad_chunk_size", "A chunk's size is not 1 to 16 hexadecimal digits, or too large.")
        case .badChunkExtension: (400, "bad_chunk_extension", "A chunk extension is malformed.")
        case .chunkExtensionTooLong: (400, "chunk_extension_too_long", "A chunk extension is too long.")
        case .badChunkEnd: (400, "bad_chunk_end", "A chunk's data is not followed by CRLF.")
        case .badTrailer: (400, "bad_trailer", "A trailer line is malformed.")
        case .forbiddenTrailer:
            (400, "forbidden_trailer", "A trailer field would frame, route or steer the connection of the message.")
        case .trailersTooLarge: (431, "trailers_too_large", "The trailers are too large.")
        }
    }
}
