/// What is set at run time, as a document: `GET /v1/export` writes it, `POST /v1/import` takes it. Value.
package struct SettingsDocument: Codable, Sendable {
    package var format = "connd-settings"
    package var formatVersion = 1
    package var exported: String?
    package var overrides: [DocumentedSetting] = []
    /// Null or absent: the document says nothing of gateways.
    package var gateways: [DocumentedGateway]?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case format
        case formatVersion = "format_version"
        case exported
        case overrides
        case gateways
    }
}

/// One override. Trials are not exported. Value.
package struct DocumentedSetting: Codable, Sendable {
    package var pattern = "*"
    package var setting = ""
    package var value = ""
    package var reason: String?
    /// Who set it, and when. An import does not keep them: its actor is whoever imports.
    package var actor: String?
    package var time: String?

    package init() {}
}

/// What an import did, or would do. Value.
package struct ImportReport: Codable, Sendable {
    package var dryRun = false
    package var added = 0
    package var changed = 0
    package var removed = 0
    package var unchanged = 0
    package var changes: [ChangeReport] = []
    /// Of gateways, which the numbers do not count.
    package var gateways: [GatewayChangeReport] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case dryRun = "dry_run"
        case added
        case changed
        case removed
        case unchanged
        case changes
        case gateways
    }
}

/// One setting before and after. Value.
package struct ChangeReport: Codable, Sendable {
    package var pattern = "*"
    package var setting = ""
    package var before: String?
    package var after: String?
    /// The override or trial that hides the change, as `override` or `trial`; null where it takes effect.
    package var hiddenBy: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case pattern
        case setting
        case before
        case after
        case hiddenBy = "hidden_by"
    }
}

/// `GET /v1/config`: the effective configuration as YAML, each value with its source. Value.
package struct ConfigReport: Codable, Sendable {
    package var file: String?
    package var loaded = ""
    package var loadedMs: Int64 = 0
    package var yaml = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case file
        case loaded
        case loadedMs = "loaded_ms"
        case yaml
    }
}

/// `POST /v1/reload`. Value.
package struct ReloadReportModel: Codable, Sendable {
    package var changes: [ChangeReport] = []
    /// Keys outside `settings` and `hosts` whose value has changed.
    package var configuration: [ConfigurationChangeReport] = []
    /// Keys outside `settings` and `hosts` that differ and need a restart.
    package var needRestart: [String] = []
    /// Where the running configuration differs from the file, and why.
    package var notes: [String] = []
    package var conflicts: [DifferenceReport] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case changes
        case configuration
        case needRestart = "need_restart"
        case notes
        case conflicts
    }
}

/// One key of the config file before and after, as YAML. Value.
package struct ConfigurationChangeReport: Codable, Sendable {
    package var key = ""
    package var before = ""
    package var after = ""

    package init() {}
}
