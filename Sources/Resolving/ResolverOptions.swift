import ProxyTypes

/// What resolv.conf(5) says and c-ares does not read, or not as the C library does. Value.
struct ResolverOptions: Equatable, Sendable {
    /// Of one try with one server; the next round waits twice as long.
    var timeout = Interval.seconds(1)
    /// Rounds over all servers.
    var attempts = 3
    /// Always over TCP.
    var usesTCP = false

    init() {}

    init(parsing text: some Sequence<UInt8>) {
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true) {
            let words = String(decoding: line, as: UTF8.self).split { $0 == " " || $0 == "\t" || $0 == "\r" }
            guard words.first == "options" else { continue }
            for word in words.dropFirst() { read(word) }
        }
    }

    private mutating func read(_ word: Substring) {
        func number(after name: String) -> Int? {
            word.hasPrefix(name) ? Int(word.dropFirst(name.count)) : nil
        }
        // The bounds are those of the C library.
        if let seconds = number(after: "timeout:") { timeout = .seconds(Int64(min(max(seconds, 1), 30))) }
        if let count = number(after: "attempts:") { attempts = min(max(count, 1), 5) }
        if word == "use-vc" { usesTCP = true }
    }
}

/// The sources of names that the system's resolver asks: the line `hosts` of nsswitch.conf(5). Value.
struct NameSources: Equatable, Sendable {
    /// Whether it may know names that neither the hosts file nor DNS knows.
    var knowsMore = false

    init() {}

    init(parsing text: some Sequence<UInt8>) {
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true) {
            let content = String(decoding: line.prefix { $0 != UInt8(ascii: "#") }, as: UTF8.self)
            let words = content.split { $0 == " " || $0 == "\t" || $0 == "\r" }
            guard words.first == "hosts:" else { continue }
            // What stands in brackets is an action.
            knowsMore = words.dropFirst().contains { !["files", "dns"].contains($0) && !$0.hasPrefix("[") }
        }
    }
}
