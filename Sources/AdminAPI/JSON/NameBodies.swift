import AdminModels

extension NameRefreshRequest: RequestBody {
    static var whenEmpty: NameRefreshRequest? { nil }
    static let known = ["name", "reason"]

    static func read(_ value: JSONValue, with reader: inout BodyReader) -> NameRefreshRequest {
        let fields = reader.members(of: value, at: "", known: known, required: ["name"])
        let name = reader.text(fields["name"], at: "/name", longest: 255)
        let reason = reader.text(fields["reason"], at: "/reason", longest: BodyLimits.reason)
        return NameRefreshRequest(name: name ?? "", reason: reason)
    }
}
