import ProxyTypes
import Testing
import Tuning

@Suite struct PatternRelationTests {
    static let patterns = [
        "*", "*:80", "*:81", "*.com", "*.com:80", "*.a.com", "*.a.com:81", "a.com", "a.com:80", "x.a.com", "x.a.com:81",
        "http://a.com", "https://a.com:80", "http://x.a.com:81", "10.0.0.1", "10.0.0.1:80", "http://10.0.0.1", "*.org",
        "::1", "http://[::1]:81", "1.a.com",
    ]
    static let origins = ["a.com", "x.a.com", "1.a.com", "b.com", "com", "xa.com", "10.0.0.1", "[::1]", "b.org"].flatMap
    { host in
        [(Origin.Scheme.http, 80), (.http, 81), (.https, 80), (.https, 443)].map {
            Origin(scheme: $0.0, host: host, port: $0.1)
        }
    }

    @Test("a pattern covers an origin's own pattern exactly where it matches the origin")
    func coversIsMatches() throws {
        for text in Self.patterns {
            let pattern = try HostPattern(parsing: text)
            for origin in Self.origins {
                #expect(pattern.covers(HostPattern(origin)) == pattern.matches(origin), "\(text) \(origin)")
            }
        }
    }

    @Test("covering and overlapping agree with what is matched")
    func relations() throws {
        for a in try Self.patterns.map({ try HostPattern(parsing: $0) }) {
            let matched = Set(Self.origins.filter { a.matches($0) })
            for b in try Self.patterns.map({ try HostPattern(parsing: $0) }) {
                let theirs = Set(Self.origins.filter { b.matches($0) })
                if a.covers(b) { #expect(theirs.isSubset(of: matched), "\(a) \(b)") }
                #expect(a.overlaps(b) == b.overlaps(a))
                if !matched.isDisjoint(with: theirs) { #expect(a.overlaps(b), "\(a) \(b)") }
                if a.covers(b) { #expect(a.overlaps(b), "\(a) \(b)") }
                if a.covers(b), b.covers(a) { #expect(a == b) }
            }
        }
        #expect(try HostPattern(parsing: "*.com").covers(HostPattern(parsing: "*.a.com")))
        #expect(try !HostPattern(parsing: "*.a.com").covers(HostPattern(parsing: "*.com")))
        #expect(try !HostPattern(parsing: "a.com").overlaps(HostPattern(parsing: "b.com")))
        #expect(try HostPattern(parsing: "*:80").overlaps(HostPattern(parsing: "a.com")))
        #expect(try !HostPattern(parsing: "*:80").overlaps(HostPattern(parsing: "a.com:81")))
    }

    @Test("a scope holds the origins that one of its patterns matches", arguments: UInt64(1)...20)
    func scope(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let patterns = try (0..<random.below(6)).map { _ -> HostPattern? in
            let index = random.below(Self.patterns.count + 1)
            return index == 0 ? nil : try HostPattern(parsing: Self.patterns[index - 1])
        }
        let scope = AffectedOrigins(patterns)
        for origin in Self.origins {
            #expect(scope.contains(origin) == patterns.contains { $0?.matches(origin) ?? true })
        }
    }
}
