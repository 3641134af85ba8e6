import Pooling
import ProxyTypes
import Systemd

/// An exchange as an entry of the journal: the line, and each of its parts as a field that `journalctl` can match.
extension AccessLog {
    static func entry(
        _ record: ExchangeRecord, _ origin: Origin?, _ client: ClientID, _ milliseconds: Int64,
        _ format: AccessLogFormat
    ) -> JournalEntry {
        var line: [UInt8] = []
        switch format {
        case .json: appendJSON(record, client, milliseconds, to: &line)
        case .text: appendText(record, client, milliseconds, to: &line)
        }
        var entry = JournalEntry(
            message: String(decoding: line.dropLast(), as: UTF8.self), priority: record.error == nil ? 6 : 5)
        entry.add("SYSLOG_IDENTIFIER", "connd-access")
        if let origin { entry.add("CONND_ORIGIN", origin.description) }
        if let gateway = record.gateway { entry.add("CONND_GATEWAY", gateway) }
        if let outcome = record.intercept.name { entry.add("CONND_INTERCEPT", outcome) }
        if let reason = record.intercept.spliceReason { entry.add("CONND_SPLICED", reason.name) }
        entry.add("CONND_METHOD", record.method)
        entry.add("CONND_TARGET", record.target)
        entry.add("CONND_STATUS", String(record.status))
        if let error = record.error { entry.add("CONND_ERROR", error.name) }
        entry.add("CONND_CLIENT", String(client.rawValue))
        entry.add("CONND_CONNECTION", String(record.connection))
        entry.add("CONND_REUSED", record.reused ? "1" : "0")
        entry.add("CONND_RETRIES", String(record.retries))
        entry.add("CONND_TOTAL_MS", ms(record.totalTime))
        return entry
    }
}
