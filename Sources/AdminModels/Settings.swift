/// One row of the table of settings, `GET /v1/definitions`. Value.
package struct SettingDefinitionReport: Codable, Sendable {
    package var name = ""
    package var standard = ""
    /// Continues a sentence that ends with "must be".
    package var allowed = ""
    /// `count`, `duration`, `size`, `percent`, `flag`, `choice`, `keepalive`, `addresses`, `name`, `path`,
    /// `host` or `pins`.
    package var kind = ""
    /// For a choice.
    package var choices: [String]?
    package var unit: String?
    /// `at once`, `new connections`, `new leases`, `new requests`, `new exchanges`, `new tunnels` or `next look-up`.
    package var effect = ""
    package var help = ""
    /// What values other than the default need and this version does not have; null if nothing.
    package var needs: String?

    package init() {}
}

/// The effective value of a setting for an origin or a pattern, and its source. Value.
package struct ResolvedSettingReport: Codable, Sendable {
    package var name = ""
    package var value = ""
    /// For durations, in milliseconds.
    package var valueMs: Int64?
    /// `default`, `learned`, `file`, `override` or `trial`.
    package var source = ""
    /// The file and line, or the pattern that the value is set for.
    package var place: String?
    package var actor: String?
    package var reason: String?
    package var time: String?
    package var timeMs: Int64?
    /// The value that applied when it was set.
    package var base: String?
    package var expires: String?
    package var expiresMs: Int64?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name
        case value
        case valueMs = "value_ms"
        case source
        case place
        case actor
        case reason
        case time
        case timeMs = "time_ms"
        case base
        case expires
        case expiresMs = "expires_ms"
    }
}

/// `GET /v1/settings/{pattern}`: `*` for all origins. Value.
package struct SettingsReport: Codable, Sendable {
    package var pattern = "*"
    package var settings: [ResolvedSettingReport] = []

    package init() {}
}

/// One line of `GET /v1/settings`: a pattern and its settings. Value.
package struct PatternReport: Codable, Sendable {
    package var pattern = "*"
    /// From the file and set at run time; the one that applies comes last.
    package var settings: [ResolvedSettingReport] = []

    package init() {}
}

/// The body of `PATCH /v1/settings/{pattern}`. Value.
///
///     { "settings": { "max_connections": 2, "idle_timeout": "30s", "max_queue": null },
///       "reason": "why", "try_for": "10m" }
package struct SettingsPatch: Sendable {
    package enum Value: Hashable, Sendable {
        /// Returns to the inherited value.
        case null
        case text(String)
        case integer(Int)
        case flag(Bool)
        case list([String])
    }

    package var settings: [String: Value] = [:]
    package var reason: String?
    package var tryFor: String?

    package init() {}
}

/// The body of `POST …/confirm` and `…/revert`; null or absent `settings`: all that are on trial. Value.
package struct TrialSelection: Codable, Sendable {
    package var settings: [String]?
    package var reason: String?

    package init() {}
}

/// An override or a trial and the value that would apply without it, one item of `GET /v1/diff`. Value.
package struct DifferenceReport: Codable, Sendable {
    package var pattern = "*"
    package var setting = ""
    /// `override` or `trial`.
    package var source = ""
    package var value = ""
    /// The value that would apply without it now.
    package var inherited = ""
    package var inheritedSource = ""
    /// The value that applied when it was set.
    package var base = ""
    package var baseSource = ""
    /// The file has changed since it was set: `base` and `inherited` differ.
    package var conflict = false
    package var actor = ""
    package var reason: String?
    package var time = ""
    package var timeMs: Int64 = 0
    package var expires: String?
    package var expiresMs: Int64?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case pattern
        case setting
        case source
        case value
        case inherited
        case inheritedSource = "inherited_source"
        case base
        case baseSource = "base_source"
        case conflict
        case actor
        case reason
        case time
        case timeMs = "time_ms"
        case expires
        case expiresMs = "expires_ms"
    }
}

/// A pattern whose origins' certificates are not verified, unless a more specific one overrides it. Value.
package struct UnverifiedReport: Codable, Sendable {
    package var pattern = "*"
    /// Of the value in force: `file`, `override` or `trial`.
    package var source = ""
    /// The file and line; null if it was set at run time.
    package var place: String?
    package var actor: String?
    package var reason: String?
    package var time: String?
    package var timeMs: Int64?
    package var expires: String?
    package var expiresMs: Int64?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case pattern
        case source
        case place
        case actor
        case reason
        case time
        case timeMs = "time_ms"
        case expires
        case expiresMs = "expires_ms"
    }
}

/// A setting that cannot be applied on this host, and why. Value.
package struct RefusedSettingReport: Codable, Sendable {
    package var setting = ""
    package var value = ""
    package var source = ""
    /// The file and line, or the pattern.
    package var place: String?
    package var reason = ""

    package init() {}
}
