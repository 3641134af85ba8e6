/// How a line of the access log is written. Value.
package enum AccessLogFormat: String, CaseIterable, Hashable, Sendable {
    case json, text
}
