package import Tuning

/// What happened to the database, for the log and for the owner of the settings. Value.
package enum StoreEvent: Sendable {
    case failing(StoreFailure)
    /// Duration of the failure in milliseconds.
    case recovered(after: Int64)
    /// The file was missing; a new one was written with the settings and lifetime totals.
    case recreated(path: String)
    /// Another database was put in its place; its settings now apply.
    case restored(path: String)
    /// The damaged file's new path.
    case movedAside(path: String)
    /// Measurements are being lost, for the first time since the last success.
    case dropping(DroppedRows)
    /// A stored setting that this version cannot apply.
    case unreadableSetting(String)
    /// The database was read after the start: it could not be read before, was in use by another connd, or was
    /// replaced. Its settings take effect now.
    case settingsLoaded([SettingRow])
}
