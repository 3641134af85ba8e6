import AdminModels

/// A request body. Reading it reports all unknown members, wrong types and values out of range together.
protocol RequestBody: Sendable {
    /// The meaning of an empty body; nil: a body is required.
    static var whenEmpty: Self? { get }
    static func read(_ value: JSONValue, with reader: inout BodyReader) -> Self
}

/// Limits of a body's strings, in characters. The OpenAPI document has the same.
enum BodyLimits {
    static let reason = 500
    static let word = 200
    static let origin = 2000
    static let path = 2000
    static let value = 4096
    static let listed = 64
    static let settings = 200
    static let overrides = 50_000
    static let gateways = 1000
}

extension SettingsPatch: RequestBody {
    static var whenEmpty: SettingsPatch? { nil }
    static let known = ["settings", "reason", "try_for"]

    static func read(_ value: JSONValue, with reader: inout BodyReader) -> SettingsPatch {
        var patch = SettingsPatch()
        let fields = reader.members(of: value, at: "", known: known, required: ["settings"])
        patch.reason = reader.text(fields["reason"], at: "/reason", longest: BodyLimits.reason)
        patch.tryFor = reader.text(fields["try_for"], at: "/try_for", longest: BodyLimits.word)
        guard let settings = fields["settings"] else { return patch }
        guard case .object(let members) = settings else {
            reader.refuse("/settings", "must be an object of settings and their values, not \(settings.kind)")
            return patch
        }
        if members.isEmpty { reader.refuse("/settings", "must name at least one setting") }
        if members.count > BodyLimits.settings {
            reader.refuse("/settings", "must name at most \(BodyLimits.settings) settings")
            return patch
        }
        for member in members {
            let pointer = BodyReader.pointer("/settings", member.name)
            if let value = patchValue(member.value, at: pointer, with: &reader) { patch.settings[member.name] = value }
        }
        return patch
    }

    private static func patchValue(_ value: JSONValue, at pointer: String, with reader: inout BodyReader) -> Value? {
        switch value {
        case .null: return .null
        case .flag(let flag): return .flag(flag)
        case .integer(let number): return .integer(number)
        case .text: return reader.text(value, at: pointer, longest: BodyLimits.value).map(Value.text)
        case .list:
            return reader.texts(value, at: pointer, most: BodyLimits.listed, longest: BodyLimits.word).map(Value.list)
        case .number, .object:
            reader.refuse(
                pointer, "must be a string, a whole number, true, false, a list of strings or null, not \(value.kind)")
            return nil
        }
    }
}

extension TrialSelection: RequestBody {
    static var whenEmpty: TrialSelection? { TrialSelection() }
    static let known = ["settings", "reason"]

    static func read(_ value: JSONValue, with reader: inout BodyReader) -> TrialSelection {
        var selection = TrialSelection()
        let fields = reader.members(of: value, at: "", known: known)
        selection.settings = reader.texts(
            fields["settings"], at: "/settings", most: BodyLimits.settings, longest: BodyLimits.word)
        selection.reason = reader.text(fields["reason"], at: "/reason", longest: BodyLimits.reason)
        return selection
    }
}

extension ActionRequest: RequestBody {
    static var whenEmpty: ActionRequest? { ActionRequest() }
    static let known = ["origin", "count", "reason"]
    static let counts = 1...1000

    static func read(_ value: JSONValue, with reader: inout BodyReader) -> ActionRequest {
        var request = ActionRequest()
        let fields = reader.members(of: value, at: "", known: known)
        request.origin = reader.text(fields["origin"], at: "/origin", longest: BodyLimits.origin)
        request.count = reader.integer(fields["count"], at: "/count", in: counts)
        request.reason = reader.text(fields["reason"], at: "/reason", longest: BodyLimits.reason)
        return request
    }
}

extension SettingsDocument: RequestBody {
    static var whenEmpty: SettingsDocument? { nil }
    static let known = ["format", "format_version", "exported", "overrides", "gateways"]

    static func read(_ value: JSONValue, with reader: inout BodyReader) -> SettingsDocument {
        var document = SettingsDocument()
        let fields = reader.members(
            of: value, at: "", known: known, required: ["format", "format_version", "overrides"])
        if let format = reader.text(fields["format"], at: "/format", longest: BodyLimits.word),
            format != document.format
        {
            reader.refuse("/format", "must be `\(document.format)`: a document that `GET /v1/export` wrote")
        }
        if let version = reader.integer(fields["format_version"], at: "/format_version", in: 1...Int.max),
            version != document.formatVersion
        {
            reader.refuse("/format_version", "must be \(document.formatVersion), the one that this connd knows")
        }
        document.exported = reader.text(fields["exported"], at: "/exported", longest: BodyLimits.word)
        let overrides = reader.list(fields["overrides"], at: "/overrides", longest: BodyLimits.overrides) ?? []
        document.overrides = overrides.enumerated().map {
            DocumentedSetting.read($1, at: "/overrides/\($0)", with: &reader)
        }
        document.gateways = reader.list(fields["gateways"], at: "/gateways", longest: BodyLimits.gateways)?
            .enumerated().map { DocumentedGateway.read($1, at: "/gateways/\($0)", with: &reader) }
        return document
    }
}

extension DocumentedSetting {
    static let known = ["pattern", "setting", "value", "reason", "actor", "time"]

    fileprivate static func read(_ value: JSONValue, at pointer: String, with reader: inout BodyReader)
        -> DocumentedSetting
    {
        var setting = DocumentedSetting()
        let fields = reader.members(of: value, at: pointer, known: known, required: ["pattern", "setting", "value"])
        func text(_ name: String, _ longest: Int) -> String? {
            reader.text(fields[name], at: BodyReader.pointer(pointer, name), longest: longest)
        }
        setting.pattern = text("pattern", BodyLimits.origin) ?? ""
        setting.setting = text("setting", BodyLimits.word) ?? ""
        setting.value = text("value", BodyLimits.value) ?? ""
        setting.reason = text("reason", BodyLimits.reason)
        setting.actor = text("actor", BodyLimits.word)
        setting.time = text("time", BodyLimits.word)
        return setting
    }
}

extension GatewayRequest: RequestBody {
    static var whenEmpty: GatewayRequest? { nil }
    static let known = ["origin", "listen", "preserve_host", "cookie_secure", "socket_mode", "allow_hosts", "reason"]

    static func read(_ value: JSONValue, with reader: inout BodyReader) -> GatewayRequest {
        var request = GatewayRequest()
        let fields = reader.members(of: value, at: "", known: known, required: ["origin"])
        request.origin = reader.text(fields["origin"], at: "/origin", longest: BodyLimits.origin) ?? ""
        request.listen = reader.texts(
            fields["listen"], at: "/listen", most: BodyLimits.listed, longest: BodyLimits.word)
        request.preserveHost = reader.flag(fields["preserve_host"], at: "/preserve_host")
        request.cookieSecure = reader.text(fields["cookie_secure"], at: "/cookie_secure", longest: BodyLimits.word)
        request.socketMode = reader.text(fields["socket_mode"], at: "/socket_mode", longest: BodyLimits.word)
        request.allowHosts = reader.texts(
            fields["allow_hosts"], at: "/allow_hosts", most: BodyLimits.listed, longest: BodyLimits.origin)
        request.reason = reader.text(fields["reason"], at: "/reason", longest: BodyLimits.reason)
        return request
    }
}

extension DocumentedGateway {
    static let known = [
        "name", "origin", "listen", "preserve_host", "cookie_secure", "socket_mode", "allow_hosts", "reason", "actor",
        "time",
    ]

    fileprivate static func read(_ value: JSONValue, at pointer: String, with reader: inout BodyReader)
        -> DocumentedGateway
    {
        var gateway = DocumentedGateway()
        let fields = reader.members(of: value, at: pointer, known: known, required: ["name", "origin", "listen"])
        func text(_ name: String, _ longest: Int) -> String? {
            reader.text(fields[name], at: BodyReader.pointer(pointer, name), longest: longest)
        }
        gateway.name = text("name", BodyLimits.word) ?? ""
        gateway.origin = text("origin", BodyLimits.origin) ?? ""
        gateway.listen =
            reader.texts(
                fields["listen"], at: pointer + "/listen", most: BodyLimits.listed, longest: BodyLimits.word) ?? []
        gateway.preserveHost = reader.flag(fields["preserve_host"], at: pointer + "/preserve_host")
        gateway.cookieSecure = text("cookie_secure", BodyLimits.word)
        gateway.socketMode = text("socket_mode", BodyLimits.word)
        gateway.allowHosts = reader.texts(
            fields["allow_hosts"], at: pointer + "/allow_hosts", most: BodyLimits.listed, longest: BodyLimits.origin)
        gateway.reason = text("reason", BodyLimits.reason)
        gateway.actor = text("actor", BodyLimits.word)
        gateway.time = text("time", BodyLimits.word)
        return gateway
    }
}

extension RequestBody {
    static var whenEmptyExists: Bool { whenEmpty != nil }
}
