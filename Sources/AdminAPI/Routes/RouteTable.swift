import AdminModels
import ProxyTypes

/// Finds the operation for a request by its raw path, in which `%2F` does not separate segments. Value.
struct RouteTable: Sendable {
    struct Match: Sendable {
        let operation: Operation
        /// Percent-decoded, by name.
        let segments: [String: String]
    }

    let operations: [Operation]

    /// `GET` operations also serve `HEAD`.
    func find(_ method: String, _ path: String) throws(RoutingProblem) -> Match {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        let candidates = operations.filter { Self.fits(segments, $0.segments) }
        guard !candidates.isEmpty else { throw .notFound(notFound(path)) }
        let wanted = method == "HEAD" ? "GET" : method
        guard let operation = candidates.first(where: { $0.verb.rawValue == wanted }) else {
            throw .notAllowed(allowed(candidates))
        }
        var values: [String: String] = [:]
        for (segment, template) in zip(segments, operation.segments) where template.hasPrefix("{") {
            guard let value = PercentEncoding.decode(segment) else {
                throw .malformed("the path's segment \(template) is not percent-encoded UTF-8")
            }
            values[String(template.dropFirst().dropLast())] = value
        }
        return Match(operation: operation, segments: values)
    }

    private static func fits(_ segments: ArraySlice<Substring>, _ template: ArraySlice<Substring>) -> Bool {
        segments.count == template.count
            && zip(segments, template).allSatisfy { $0 == $1 || $1.hasPrefix("{") && !$0.isEmpty }
    }

    private func allowed(_ operations: [Operation]) -> [String] {
        operations.map(\.verb.rawValue) + (operations.contains { $0.verb == .get } ? ["HEAD"] : []) + ["OPTIONS"]
    }

    /// The methods of all operations, for `OPTIONS *`.
    var methods: [String] { ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] }

    private func notFound(_ path: String) -> String {
        let shown = path.prefix(200)
        let paths = operations.map(\.path).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        // Only the resource can be misspelt; what follows it is the caller's own name.
        let stem = path.split(separator: "/").prefix(2).joined(separator: "/")
        let stems = paths.map { $0.split(separator: "/").prefix(2).joined(separator: "/") }
        if let near = EditDistance.nearest(to: stem, among: stems) {
            let alike = zip(paths, stems).filter { $0.1 == near }.map(\.0)
            let count = path.split(separator: "/").count
            if let best = alike.first(where: { $0.split(separator: "/").count == count }) ?? alike.first {
                return "there is no \(shown); did you mean \(best)?"
            }
        }
        if stem != "v1", paths.contains(where: { $0.hasPrefix("/v1/\(stem)") }) {
            return "there is no \(shown); did you mean /v1/\(stem)?"
        }
        return "there is no \(shown); GET / names the resources, GET \(Paths.openAPI) describes them"
    }
}

/// Why no operation matches a request.
enum RoutingProblem: Error {
    case notFound(String)
    case notAllowed([String])
    case malformed(String)
}

/// The query of a URL. Pure.
enum QueryString {
    /// Names and values in order; nil for one that is not percent-encoded UTF-8. A name without `=` has an empty value.
    static func parse(_ text: String) -> [(name: String?, value: String?)] {
        text.split(separator: "&").map { part in
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
                PercentEncoding.decode($0, plusIsSpace: true)
            }
            return (pair[0], pair.count > 1 ? pair[1] : "")
        }
    }
}
