import FuzzTargets
import HTTPWire
import Testing

@Suite("Authentication that holds for a connection")
struct BoundAuthenticationTests {
    private func binds(request line: String) -> Bool {
        var head = RequestHead()
        _ = Feeding.request(Wire.bytes("GET http://h/ HTTP/1.1\r\nHost: h\r\n\(line)\r\n\r\n"), head: &head)
        return head.bindsConnection
    }

    private func binds(response lines: String) -> Bool {
        var head = ResponseHead()
        _ = Feeding.response(Wire.bytes("HTTP/1.1 401 x\r\n\(lines)\r\nContent-Length: 0\r\n\r\n"), head: &head)
        return head.bindsConnection
    }

    @Test(
        "credentials of NTLM, Negotiate and their kin bind the connection",
        arguments: [
            "Authorization: NTLM TlRMTVNTUAAB", "authorization: ntlm TlRMTVNTUAAB", "AUTHORIZATION:NTLM",
            "Authorization: Negotiate YII=",
            "Authorization: nEGOTIATE\tYII=", "Authorization: Kerberos x", "Authorization: Nego2 x",
            "Authorization: CredSSP TSQ=",
            "Authorization: Basic dTpw\r\nAuthorization: NTLM x", "Authorization: Basic dTpw, NTLM x",
        ])
    func request(line: String) {
        #expect(binds(request: line))
    }

    @Test(
        "others do not",
        arguments: [
            "Authorization: Basic bnRsbQ==", "Authorization: Bearer ntlm", "Authorization: Digest username=\"ntlm\"",
            "Authorization: NTLMv3 x", "Authorization: XNTLM x", "Authorization: Negotiated x", "Authorization:",
            "A: NTLM x",
            "Authorizations: NTLM x", "WWW-Authenticate: NTLM", "Proxy-Authorization: Basic dTpw",
        ])
    func otherRequest(line: String) {
        #expect(!binds(request: line))
    }

    @Test(
        "so do challenges, alone or in a list, from an origin and from a proxy before it",
        arguments: [
            "WWW-Authenticate: NTLM", "www-authenticate: Negotiate", "WWW-Authenticate: NTLM TlRMTVNTUAAC",
            "WWW-Authenticate: Basic realm=\"a, b\", Negotiate",
            "WWW-Authenticate: Basic realm=x\r\nWWW-Authenticate: NTLM",
            "WWW-Authenticate: Negotiate, NTLM,Basic realm=x", "Proxy-Authenticate: NTLM",
            "Proxy-Authenticate: negotiate",
        ])
    func response(lines: String) {
        #expect(binds(response: lines))
    }

    @Test(
        "and others do not",
        arguments: [
            "WWW-Authenticate: Basic realm=ntlm", "WWW-Authenticate: Digest realm=\"negotiate\", nonce=\"x\"",
            "Authentication-Info: NTLM", "WWW-Authenticate: Bearer", "X: NTLM",
        ])
    func otherResponse(lines: String) {
        #expect(!binds(response: lines))
    }

    @Test("nothing of one head is left in the next that is read into the same storage")
    func reset() {
        var request = RequestHead()
        _ = Feeding.request(
            Wire.bytes("GET http://h/ HTTP/1.1\r\nHost: h\r\nAuthorization: NTLM x\r\n\r\n"), head: &request)
        _ = Feeding.request(Wire.bytes("GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), head: &request)
        #expect(!request.bindsConnection)
        var response = ResponseHead()
        _ = Feeding.response(Wire.bytes("HTTP/1.1 401 x\r\nWWW-Authenticate: NTLM\r\n\r\n"), head: &response)
        _ = Feeding.response(Wire.bytes("HTTP/1.1 200 x\r\n\r\n"), head: &response)
        #expect(!response.bindsConnection)
    }

    @Test("the client is told that its connection is kept for it, once (RFC 4559 6)")
    func told() throws {
        let via = "Via: 1.1 connd\r\n"
        let told = "Proxy-Support: Session-Based-Authentication\r\n"
        let challenge = "HTTP/1.1 401 x\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n"
        #expect(try Heads.rewrittenResponse(challenge + "\r\n") == challenge + via + told + "\r\n")
        #expect(try Heads.rewrittenResponse(challenge + told + "\r\n") == challenge + told + via + "\r\n")
        let hopByHop = "HTTP/1.1 401 x\r\nWWW-Authenticate: NTLM\r\n"
        let named = hopByHop + told + "Connection: Proxy-Support\r\n\r\n"
        #expect(try Heads.rewrittenResponse(named) == hopByHop + via + told + "\r\n")
        let basic = "HTTP/1.1 401 x\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n"
        #expect(try Heads.rewrittenResponse(basic + "\r\n") == basic + via + "\r\n")
    }
}
