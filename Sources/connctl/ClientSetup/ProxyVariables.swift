/// Which variables make programs use connd, how the user's exceptions are merged with connd's, and how previous values
/// are saved. Pure.
enum ProxyVariables {
    /// Local addresses. curl, wget and requests compare IPv6 hosts without brackets, Python's urllib with them.
    static let exceptions = ["localhost", "127.0.0.1", "::1", "[::1]"]
    static let exceptionNames = ["no_proxy", "NO_PROXY"]
    static let proxyNames = ["http_proxy", "https_proxy", "HTTPS_PROXY"]
    /// Never created: a CGI program would take it for a client's Proxy field. If it is set, some programs, such as
    /// Go's, prefer it to http_proxy, so it gets connd's value like the others.
    static let capitalProxy = "HTTP_PROXY"
    static let names = proxyNames + [capitalProxy] + exceptionNames

    /// What the variables are set to. `before`: the variables of the user's environment.
    static func values(proxy: String, before: [String: String]) -> [(name: String, value: String)] {
        let capital = (before[capitalProxy] ?? "").isEmpty ? [] : [capitalProxy]
        return (proxyNames + capital).map { ($0, proxy) }
            + exceptionNames.map { name in
                (name, exceptions(before[name], otherSpelling: before[name == "no_proxy" ? "NO_PROXY" : "no_proxy"]))
            }
    }

    /// The user's entries unchanged, plus connd's missing ones. If one spelling of the variable is empty, it takes over
    /// the other's value, because a program that reads both would then ignore the other. If the two differ, they stay
    /// different, because programs disagree on which one counts.
    static func exceptions(_ own: String?, otherSpelling: String?) -> String {
        let list = [own, otherSpelling].lazy.compactMap { $0 }.first { !entries($0).isEmpty } ?? ""
        let present = entries(list)
        // It means every host, and for most programs only if it is the only entry.
        if present == ["*"] { return list }
        let missing = exceptions.filter { !present.contains($0) }
        guard !missing.isEmpty else { return list }
        let isOpen = present.isEmpty || list.last { $0 != " " } == ","
        return (present.isEmpty ? "" : list) + (isOpen ? "" : ",") + missing.joined(separator: ",")
    }

    /// Commas separate entries in all programs, blanks only in curl.
    private static func entries(_ list: String) -> [String] {
        list.split { $0 == "," || $0.isWhitespace }.map { $0.lowercased() }
    }

    // MARK: What was there before

    /// Saves the previous value of a variable. Does not end in `_proxy`, because Python's urllib would
    /// take it for the proxy of a scheme.
    static func savedName(of name: String) -> String {
        "CONND_SAVED_" + name.prefix { $0 != "_" }
    }

    /// Distinguishes a variable that was unset from one that was empty.
    static func saved(_ value: String?) -> String {
        value.map { "=" + $0 } ?? ""
    }

    /// `value` nil: it was not set.
    struct Former: Hashable {
        var name: String
        var value: String?
        /// Where it was saved.
        var savedName: String
    }

    /// The variables whose values connd replaced.
    static func former(in variables: [String: String]) -> [Former] {
        names.compactMap { name in
            variables[savedName(of: name)].map {
                Former(
                    name: name, value: $0.isEmpty ? nil : String($0.dropFirst()), savedName: savedName(of: name))
            }
        }
    }
}
