import AdminModels

extension AdviceDecisionRequest: RequestBody {
    static var whenEmpty: AdviceDecisionRequest? { AdviceDecisionRequest() }
    static let known = ["reason"]

    static func read(_ value: JSONValue, with reader: inout BodyReader) -> AdviceDecisionRequest {
        let fields = reader.members(of: value, at: "", known: known)
        return AdviceDecisionRequest(
            reason: reader.text(fields["reason"], at: "/reason", longest: BodyLimits.reason))
    }
}
