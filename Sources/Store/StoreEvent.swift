package import Tuning

/// What the log, or whoever keeps the settings in force, should know of the database. Value.
package enum StoreEvent: Sendable {
    case failing(StoreFailure)
    /// Milliseconds that it lasted.
    case recovered(after: Int64)
    /// The file was gone: a new one holds the settings and the lifetime totals.
    case recreated(path: String)
    /// Another database took its place: what that holds is in force.
    case restored(path: String)
    /// The damaged file's new path.
    case movedAside(path: String)
    /// Rows of measurements are being lost, for the first time since it was well.
    case dropping(DroppedRows)
    /// A kept setting that this version cannot apply.
    case unreadableSetting(String)
    /// The database was read late: it could not be read at the start, was in use by another connd, or was replaced. The
    /// settings in it take effect now.
    case settingsLoaded([SettingRow])
}
