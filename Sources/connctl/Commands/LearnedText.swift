import AdminModels

/// What was learned of an origin's idle limit as text. Pure.
enum LearnedText {
    static func line(_ learned: LearnedReport) -> String {
        let text = SafeText.line(learned.text)
        guard learned.inForce else { return text }
        let zones = learned.zones.map { ", not between \($0.from) and \($0.to)" }.joined()
        return
            "\(text); reused for \(learned.once)\(zones) by what must not be sent twice, for \(learned.repeatable) by the "
            + "rest, closed after \(learned.retire)"
    }
}
