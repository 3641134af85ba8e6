/// Which variables make programs use connd, what the user's own exceptions become beside connd's, and how what was there
/// before is remembered. Pure.
enum ProxyVariables {
    /// What is local to the host. curl, wget and requests compare an IPv6 host without brackets, Python's urllib with them.
    static let exceptions = ["localhost", "127.0.0.1", "::1", "[::1]"]
    static let exceptionNames = ["no_proxy", "NO_PROXY"]
    static let proxyNames = ["http_proxy", "https_proxy", "HTTPS_PROXY"]
    /// Never set anew: a CGI program would take a client's Proxy field for it. One that is there goes before http_proxy
    /// for some programs, Go's among them, and is given connd's value like the others.
    static let capitalProxy = "HTTP_PROXY"
    static let names = proxyNames + [capitalProxy] + exceptionNames

    /// Where programs get what they had beside connd's own.
    static func values(proxy: String, before: [String: String]) -> [(name: String, value: String)] {
        let capital = (before[capitalProxy] ?? "").isEmpty ? [] : [capitalProxy]
        return (proxyNames + capital).map { ($0, proxy) }
            + exceptionNames.map { name in
                (name, exceptions(before[name], otherSpelling: before[name == "no_proxy" ? "NO_PROXY" : "no_proxy"]))
            }
    }

    /// The user's entries as they are, and those of connd's that are missing. A spelling that says nothing takes over what
    /// the other says: a program that reads both would not look at the other any more. Where the two differ they stay
    /// different, as programs disagree on which of them counts.
    static func exceptions(_ own: String?, otherSpelling: String?) -> String {
        let list = [own, otherSpelling].lazy.compactMap { $0 }.first { !entries($0).isEmpty } ?? ""
        let present = entries(list)
        // It means every host, and to most programs only where it stands alone.
        if present == ["*"] { return list }
        let missing = exceptions.filter { !present.contains($0) }
        guard !missing.isEmpty else { return list }
        let isOpen = present.isEmpty || list.last { $0 != " " } == ","
        return (present.isEmpty ? "" : list) + (isOpen ? "" : ",") + missing.joined(separator: ",")
    }

    /// Commas separate entries everywhere, blanks in curl alone.
    private static func entries(_ list: String) -> [String] {
        list.split { $0 == "," || $0.isWhitespace }.map { $0.lowercased() }
    }

    // MARK: What was there before

    /// Holds the former value of a variable while connd's is in its place. Does not end in `_proxy`: Python's urllib would
    /// take it for the proxy of some scheme.
    static func savedName(of name: String) -> String {
        "CONND_SAVED_" + name.prefix { $0 != "_" }
    }

    /// Nothing where the variable was not set, so that it is told from one that was set to nothing.
    static func saved(_ value: String?) -> String {
        value.map { "=" + $0 } ?? ""
    }

    /// `value` nil: it was not set.
    struct Former: Hashable {
        var name: String
        var value: String?
    }

    /// Those that connd's stand in place of.
    static func former(in variables: [String: String]) -> [Former] {
        names.compactMap { name in
            variables[savedName(of: name)].map { Former(name: name, value: $0.isEmpty ? nil : String($0.dropFirst())) }
        }
    }
}
