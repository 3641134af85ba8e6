import AdminModels

extension AuthorityRequest: RequestBody {
    static var whenEmpty: AuthorityRequest? { nil }
    static let known = ["domains", "unconstrained", "reason"]

    static func read(_ value: JSONValue, with reader: inout BodyReader) -> AuthorityRequest {
        var request = AuthorityRequest()
        let fields = reader.members(of: value, at: "", known: known)
        request.domains = reader.domains(fields)
        request.unconstrained = reader.flag(fields["unconstrained"], at: "/unconstrained")
        request.reason = reader.text(fields["reason"], at: "/reason", longest: BodyLimits.reason)
        return request
    }
}

extension RotationRequest: RequestBody {
    static var whenEmpty: RotationRequest? { RotationRequest() }
    static let known = ["domains", "unconstrained", "switch_after", "reason"]

    static func read(_ value: JSONValue, with reader: inout BodyReader) -> RotationRequest {
        var request = RotationRequest()
        let fields = reader.members(of: value, at: "", known: known)
        request.domains = reader.domains(fields)
        request.unconstrained = reader.flag(fields["unconstrained"], at: "/unconstrained")
        request.switchAfter = reader.text(fields["switch_after"], at: "/switch_after", longest: BodyLimits.word)
        request.reason = reader.text(fields["reason"], at: "/reason", longest: BodyLimits.reason)
        return request
    }
}

extension BodyReader {
    fileprivate mutating func domains(_ fields: [String: JSONValue]) -> [String]? {
        texts(fields["domains"], at: "/domains", most: BodyLimits.listed, longest: BodyLimits.origin)
    }
}
