package import ProxyTypes

/// Identifies one override or trial: its layer, setting and pattern. Value.
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

/// A stored override or trial, with the value it was set over. Value.
package struct SettingRow: Hashable, Sendable {
    package let key: SettingKey
    package var value: SettingValue
    package var actor: String
    package var reason: String?
    /// Milliseconds since 1970, UTC; `expiresAt` too.
    package var time: Int64
    /// What applied to the pattern below overrides and trials when it was set.
    package var base: SettingValue
    /// As `SettingSource` describes itself: `default`, `/etc/connd/connd.yaml:12`.
    package var baseSource: String
    /// When a trial expires; nil for an override.
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

extension SettingRow {
    /// Whether the text is a way to write the value: `120s` is `2m`.
    package func holds(_ text: String) -> Bool {
        guard let value = try? key.setting.read(.text(text)) else { return false }
        return value == self.value
    }
}

/// One entry of the audit trail: what was done, by whom and why. Value.
package struct AuditEntry: Hashable, Sendable {
    package enum Action: String, CaseIterable, Sendable {
        case set, unset, trial, confirm, revert
        case trialExpired = "trial_expired"
        case drain, reconnect, prewarm, pause, resume, forget
        case closeConnection = "close_connection"
        case gatewaySet = "gateway_set"
        case gatewayRemoved = "gateway_removed"
        case refusalsForgotten = "refusals_forgotten"
        case namesFlushed = "names_flushed"
        case nameRefreshed = "name_refreshed"
        case authorityCreated = "ca_created"
        case authorityRotated = "ca_rotated"
        case authorityRetired = "ca_retired"
        case authorityRemoved = "ca_removed"
        case doctor
        case doctorStopped = "doctor_stopped"
        case adviceAccepted = "advice_accepted"
        case adviceDismissed = "advice_dismissed"
        case adviceConfirmed = "advice_confirmed"
        case adviceReverted = "advice_reverted"
        case `import`, reload
    }

    /// The pattern of every origin, and the subject of actions on all origins or on connd itself.
    package static let everything = "*"

    /// Milliseconds since 1970, UTC.
    package var time: Int64
    /// `uid:1000`, `token`, or `connd` for its own actions.
    package var actor: String
    package var action: Action
    /// A pattern, an origin, a connection's number, a gateway's name, a name of hosts, an authority's serial, or `everything`.
    package var subject: String
    package var setting: Setting?
    /// In canonical form; nil where this layer had no value before, or has none afterwards.
    package var before: String?
    package var after: String?
    package var reason: String?

    /// Whether certificates are not verified from then on.
    package var turnsOffVerification: Bool {
        setting == .tlsVerify && after == TLSVerification.none.rawValue
    }

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

/// One edit, stored in one transaction. Value.
package struct SettingChange: Hashable, Sendable {
    package var puts: [SettingRow] = []
    /// The ends of the trials among `puts`. Not stored; their `expiresAt` is.
    package var ends: [SettingKey: Instant] = [:]
    package var removals: [SettingKey] = []
    package var audit: [AuditEntry] = []

    package init() {}

    package var isEmpty: Bool { puts.isEmpty && removals.isEmpty && audit.isEmpty }
}
