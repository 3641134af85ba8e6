import AdminModels

extension DoctorRequest: RequestBody {
    static var whenEmpty: DoctorRequest? { DoctorRequest() }
    static let known = ["path", "post_path", "wait", "reason"]

    static func read(_ value: JSONValue, with reader: inout BodyReader) -> DoctorRequest {
        var request = DoctorRequest()
        let fields = reader.members(of: value, at: "", known: known)
        request.path = reader.text(fields["path"], at: "/path", longest: BodyLimits.path)
        request.postPath = reader.text(fields["post_path"], at: "/post_path", longest: BodyLimits.path)
        request.wait = reader.text(fields["wait"], at: "/wait", longest: BodyLimits.word)
        request.reason = reader.text(fields["reason"], at: "/reason", longest: BodyLimits.reason)
        return request
    }
}
