import Advising
import Foundation
import ProxyTypes
import Store

/// Advice as JSON in the database. Measured things of a version that this one does not understand are left out.
private struct AdviceDocument: Codable {
    var advice: Advice
    var state: AdviceState
}

extension StoredAdvice {
    init(_ record: AdviceRecord) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let document = AdviceDocument(advice: record.advice, state: record.state)
        let json = (try? encoder.encode(document)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        self.init(
            key: Key(origin: record.id.origin, rule: record.id.rule.rawValue), state: record.state.name,
            time: record.given, document: json)
    }
}

extension AdviceRecord {
    /// Nil where this version does not understand it, or its numbers cannot be right.
    init?(_ stored: StoredAdvice) {
        guard let rule = AdviceRule(rawValue: stored.key.rule),
            let document = try? JSONDecoder().decode(AdviceDocument.self, from: Data(stored.document.utf8)),
            document.advice.rule == rule
        else { return nil }
        self.init(
            id: AdviceID(rule: rule, origin: stored.key.origin), advice: document.advice, given: stored.time,
            state: document.state)
        guard isSound else { return nil }
    }
}
