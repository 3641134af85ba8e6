import TestSupport
import Testing

extension ReceivedResponse {
    /// The error type that Proxy-Status names (RFC 9209), where the field is well-formed and connd's.
    var errorType: String? {
        let values = head["Proxy-Status"]
        guard values.count == 1,
            let match = try? /connd; error=([a-z_]+); details="((?:[ !#-\[\]-~]|\\["\\])*)"/.wholeMatch(in: values[0])
        else { return nil }
        return String(match.1)
    }

    /// It has what every error answer has: one line of text, with its length.
    func expectErrorAnswer(_ status: Int, _ type: String, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(self.status == status, "\(head.text)", sourceLocation: sourceLocation)
        #expect(errorType == type, "\(head.text)", sourceLocation: sourceLocation)
        #expect(self["Content-Type"].first?.hasPrefix("text/plain") == true, sourceLocation: sourceLocation)
        #expect(framing == .length, sourceLocation: sourceLocation)
        #expect(text.hasSuffix("\n") && text.count { $0 == "\n" } == 1, "\(text)", sourceLocation: sourceLocation)
    }
}
