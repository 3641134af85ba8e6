package import ProxyTypes

/// Which value of which sheet: what an edit replaces. Value.
package struct SettingKey: Hashable, Sendable {
    /// `override` or `trial`.
    package let layer: SettingLayer
    package let setting: Setting
    /// Nil: every origin.
    package let pattern: HostPattern?

    package init(layer: SettingLayer, setting: Setting, pattern: HostPattern?) {
        self.layer = layer
        self.setting = setting
        self.pattern = pattern == .any ? nil : pattern
    }
}

/// A value that somebody set while connd ran, and what it was set over. Value; this is what is kept.
package struct SettingRow: Hashable, Sendable {
    package let key: SettingKey
    package var value: SettingValue
    package var actor: String
    package var reason: String?
    /// Milliseconds since 1970, UTC; `expiresAt` too.
    package var time: Int64
    /// What held for the pattern below overrides and trials when it was set.
    package var base: SettingValue
    /// As `SettingSource` describes itself: `default`, `/etc/connd/connd.yaml:12`.
    package var baseSource: String
    /// When a trial ends by itself; nil for an override.
    package var expiresAt: Int64?

    package init(
        key: SettingKey, value: SettingValue, actor: String, reason: String?, time: Int64, base: SettingValue,
        baseSource: String, expiresAt: Int64? = nil
    ) {
        self.key = key
        self.value = value
        self.actor = actor
        self.reason = reason
        self.time = time
        self.base = base
        self.baseSource = baseSource
        self.expiresAt = expiresAt
    }
}

/// What was done to connd, by whom and why. Value.
package struct AuditEntry: Hashable, Sendable {
    package enum Action: String, CaseIterable, Sendable {
        case set, unset, trial, confirm, revert
        case trialExpired = "trial_expired"
        case drain, reconnect, prewarm, pause, resume, forget
        case closeConnection = "close_connection"
        case `import`, reload
    }

    /// The pattern of all origins, and the subject of what is done to all of them, or to connd itself.
    package static let everything = "*"

    /// Milliseconds since 1970, UTC.
    package var time: Int64
    /// `uid:1000`, `token`, or `connd` where nobody asked.
    package var actor: String
    package var action: Action
    /// A pattern, an origin, a connection's number, or `everything`.
    package var subject: String
    package var setting: Setting?
    /// As the setting writes its values; nil where there was, or is, none in this layer.
    package var before: String?
    package var after: String?
    package var reason: String?

    package init(
        time: Int64, actor: String, action: Action, subject: String, setting: Setting? = nil, before: String? = nil,
        after: String? = nil, reason: String? = nil
    ) {
        self.time = time
        self.actor = actor
        self.action = action
        self.subject = subject
        self.setting = setting
        self.before = before
        self.after = after
        self.reason = reason
    }
}

/// One edit: kept whole or not at all. Value.
package struct SettingChange: Hashable, Sendable {
    package var puts: [SettingRow] = []
    /// When the trials among `puts` end: they last by the clock that cannot be set. Not kept, `expiresAt` is.
    package var ends: [SettingKey: Instant] = [:]
    package var removals: [SettingKey] = []
    package var audit: [AuditEntry] = []

    package init() {}

    package var isEmpty: Bool { puts.isEmpty && removals.isEmpty && audit.isEmpty }
}
