package import ProxyTypes

/// The kind of values a setting takes: parses them, checks their range, and prints them in canonical form. Value.
package enum SettingKind: Hashable, Sendable {
    /// `zero` is the meaning of 0, which is then allowed even below the range.
    case count(ClosedRange<Int>, zero: String? = nil)
    case countOrUnset(ClosedRange<Int>, unset: String)
    case percent(ClosedRange<Int>)
    case duration(ClosedRange<Interval>, zero: String? = nil)
    case durationOrUnset(ClosedRange<Interval>, unset: String)
    case size(ClosedRange<Int>, zero: String? = nil)
    case flag
    case choice([String])
    case keepalive
    case addresses(unset: String)
    case name(unset: String)
    case path(unset: String)
    case host(unset: String)
    case pins(unset: String)
    case clients(unset: String)

    /// How `SettingValue.unset` is written; nil where the setting always has a value.
    package var unsetWord: String? {
        switch self {
        case .countOrUnset(_, let word), .durationOrUnset(_, let word), .addresses(let word), .name(let word),
            .path(let word), .host(let word), .pins(let word), .clients(let word):
            word
        case .keepalive: "off"
        case .count, .percent, .duration, .size, .flag, .choice: nil
        }
    }

    package var unit: String? {
        switch self {
        case .duration, .durationOrUnset: "duration"
        case .size: "bytes"
        case .percent: "percent"
        default: nil
        }
    }

    /// Continues a sentence that ends in "must be".
    package var allowed: String {
        switch self {
        case .count(let range, let zero):
            zero.map { "0 (\($0)) to \(range.upperBound)" } ?? "\(range.lowerBound) to \(range.upperBound)"
        case .countOrUnset(let range, let word): "\(word), or \(range.lowerBound) to \(range.upperBound)"
        case .percent(let range): "\(range.lowerBound)% to \(range.upperBound)%"
        case .duration(let range, let zero): Self.durations(range) + (zero.map { ", or 0 (\($0))" } ?? "")
        case .durationOrUnset(let range, let word): "\(word), or \(Self.durations(range))"
        case .size(let range, let zero):
            "a size (bytes, or such as 64KiB, 1MiB) from \(SizeText.print(range.lowerBound))"
                + (zero.map { " (\($0))" } ?? "") + " to \(SizeText.print(range.upperBound))"
        case .flag: "on or off"
        case .choice(let words): words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
        case .keepalive: "off, or idle/interval/count such as 60s/10s/6 (1s to 32767s, 1s to 32767s, 1 to 127)"
        case .addresses(let word): "\(word), or one or several local addresses such as 10.0.0.5"
        case .name(let word): "\(word), or a name such as cubic (a letter, then up to 14 letters, digits, `_`, `-`)"
        case .path(let word): "\(word), or an absolute path"
        case .host(let word): "\(word), or a host name or address without a port, such as api.example.com"
        case .pins(let word):
            "\(word), or up to \(Self.maxPins) of `sha256//` and the base64 of a public key's SHA-256, separated by `;`"
        case .clients(let word):
            "\(word), or up to \(Self.maxClients) of addresses (10.0.0.5, 10.1.0.0/16), `program:` and the file name of an "
                + "executable, `user:` and a name or number"
        }
    }

    package func read(_ input: SettingInput) throws(ValueProblem) -> SettingValue {
        let (value, given): (SettingValue?, String) =
            switch input {
            case .text(let text): (read(text: text), ValueProblem.quoted(text))
            case .integer(let number): (number < 0 ? nil : read(text: "\(number)"), "\(number)")
            case .flag(let flag): (self == .flag ? .flag(flag) : nil, "\(flag)")
            case .list(let list): (read(list: list), ValueProblem.quoted("[" + list.joined(separator: ", ") + "]"))
            }
        guard let value else { throw ValueProblem(allowed: allowed, given: given, hint: hint(for: input)) }
        return value
    }

    /// Whether one value may be given as a list.
    package var takesList: Bool {
        switch self {
        case .addresses, .pins, .clients: true
        case .count, .countOrUnset, .percent, .duration, .durationOrUnset, .size, .flag, .choice, .keepalive, .name,
            .path, .host:
            false
        }
    }

    /// The canonical text, which `read` takes back.
    package func write(_ value: SettingValue) -> String {
        switch value {
        case .unset: unsetWord ?? ""
        case .count(let number): "\(number)"
        case .percent(let number): "\(number)%"
        case .duration(let interval): DurationText.print(interval)
        case .size(let size): SizeText.print(size)
        case .flag(let flag): flag ? "on" : "off"
        case .word(let word): word
        case .keepalive(let keepalive): keepalive.description
        case .addresses(let addresses): addresses.map(\.description).joined(separator: ",")
        case .pins(let pins): pins.map(\.description).joined(separator: ";")
        case .clients(let clients): clients.map(\.description).joined(separator: ",")
        }
    }
}

extension SettingKind {
    private static func durations(_ range: ClosedRange<Interval>) -> String {
        "a duration (such as 250ms, 4s, 15m) from \(DurationText.print(range.lowerBound)) "
            + "to \(DurationText.print(range.upperBound))"
    }

    private func read(text: String) -> SettingValue? {
        if let unsetWord, text == unsetWord { return .unset }
        switch self {
        case .count(let range, let zero):
            return Self.bounded(DecimalText.parse(text), range, zero: zero != nil).map { .count($0) }
        case .countOrUnset(let range, _):
            return Self.bounded(DecimalText.parse(text), range).map { .count($0) }
        case .percent(let range):
            return Self.bounded(DecimalText.parse(text.hasSuffix("%") ? text.dropLast() : text[...]), range)
                .map { .percent($0) }
        case .duration(let range, let zero):
            return Self.bounded(DurationText.parse(text), range, zero: zero != nil).map { .duration($0) }
        case .durationOrUnset(let range, _):
            return Self.bounded(DurationText.parse(text), range).map { .duration($0) }
        case .size(let range, let zero):
            return Self.bounded(SizeText.parse(text), range, zero: zero != nil).map { .size($0) }
        case .flag:
            return Self.flag(text).map { .flag($0) }
        case .choice(let words):
            return words.contains(text) ? .word(text) : nil
        case .keepalive:
            return TCPKeepalive(parsing: text).map { .keepalive($0) }
        case .addresses, .clients:
            let parts = text.split(separator: ",", omittingEmptySubsequences: false)
            return read(list: parts.map { String($0.drop { $0 == " " }) })
        case .name:
            return Self.isName(text) ? .word(text) : nil
        case .path:
            return text.hasPrefix("/") && !text.utf8.contains(0) ? .word(text) : nil
        case .host:
            return (try? OriginHost(parsing: text)).map { .word($0.description) }
        case .pins:
            let parts = text.split(separator: ";", omittingEmptySubsequences: false)
            return read(list: parts.map(String.init))
        }
    }

    private func read(list: [String]) -> SettingValue? {
        switch self {
        case .addresses: Self.addresses(list)
        case .pins: Self.pins(list)
        case .clients: Self.clients(list)
        case .count, .countOrUnset, .percent, .duration, .durationOrUnset, .size, .flag, .choice, .keepalive, .name,
            .path, .host:
            nil
        }
    }

    private static func addresses(_ list: [String]) -> SettingValue? {
        let addresses = list.compactMap { IPAddress($0) }
        guard addresses.count == list.count, Set(addresses).count == list.count,
            !addresses.contains(where: \.isUnspecified)
        else { return nil }
        return addresses.isEmpty ? .unset : .addresses(addresses)
    }

    private static let maxPins = 16

    private static func pins(_ list: [String]) -> SettingValue? {
        let pins = list.compactMap { PublicKeyPin(parsing: $0) }
        guard pins.count == list.count, pins.count <= maxPins, Set(pins).count == pins.count else { return nil }
        return pins.isEmpty ? .unset : .pins(pins)
    }

    private static let maxClients = 64

    private static func clients(_ list: [String]) -> SettingValue? {
        let clients = list.compactMap { ClientPattern(parsing: $0) }
        guard clients.count == list.count, clients.count <= maxClients, Set(clients).count == clients.count else {
            return nil
        }
        return clients.isEmpty ? .unset : .clients(clients)
    }

    /// For a choice that has `none` or `off`, where another of the words that switch something off was given.
    private func hint(for input: SettingInput) -> String? {
        guard case .choice(let words) = self, let word = words.first(where: Self.offWords.contains) else { return nil }
        return switch input {
        case .text(let text): Self.offWords.contains(text) ? "write `\(word)`" : nil
        case .flag(let flag): flag ? nil : "write `\(word)`"
        case .integer, .list: nil
        }
    }

    private static let offWords: Set = ["off", "none", "false", "no"]

    private static func bounded(_ value: Int?, _ range: ClosedRange<Int>, zero: Bool = false) -> Int? {
        value.flatMap { range.contains($0) || zero && $0 == 0 ? $0 : nil }
    }

    private static func bounded(_ value: Interval?, _ range: ClosedRange<Interval>, zero: Bool = false) -> Interval? {
        value.flatMap { range.contains($0) || zero && $0 == .zero ? $0 : nil }
    }

    private static func flag(_ text: String) -> Bool? {
        switch text {
        case "on", "true", "yes": true
        case "off", "false", "no": false
        default: nil
        }
    }

    /// The kernel's TCP_CA_NAME_MAX.
    private static func isName(_ text: String) -> Bool {
        (1...15).contains(text.utf8.count) && text.first?.isLetter == true
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
                default: false
                }
            }
    }
}

extension Setting {
    package func read(_ input: SettingInput) throws(ValueProblem) -> SettingValue { try definition.kind.read(input) }

    package func write(_ value: SettingValue) -> String { definition.kind.write(value) }
}
