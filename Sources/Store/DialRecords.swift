import ProxyTypes

/// The attempts of a dial as one text. Pure.
enum DialRecords {
    static func text(_ attempts: [DialAttempt]) -> String? {
        guard !attempts.isEmpty else { return nil }
        return attempts.map { attempt in
            "\(attempt.address) \(attempt.begin) \(attempt.duration) \(attempt.outcome.name)"
                + (attempt.wasLastResort ? " last" : "")
        }.joined(separator: ";")
    }

    /// What cannot be read, as only a later version understands it, is left out.
    static func attempts(_ text: String?) -> [DialAttempt] {
        (text ?? "").split(separator: ";").compactMap { part in
            let words = part.split(separator: " ")
            guard words.count >= 4, let address = IPAddress(words[0]), let begin = Int64(words[1]),
                let duration = Int64(words[2]),
                let outcome = DialAttempt.Outcome.allCases.first(where: { $0.name == words[3] })
            else { return nil }
            return DialAttempt(
                address: address, begin: begin, duration: duration, outcome: outcome,
                wasLastResort: words.count > 4 && words[4] == "last")
        }
    }
}
