/// Describes in a clause why JSON could not be decoded. Pure.
enum DecodingText {
    static func describe(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "\(error)" }
        switch error {
        case .keyNotFound(let key, let context): return "no \(path(context, key))"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "\(path(context)) is of another type"
        case .dataCorrupted: return "it is not JSON"
        @unknown default: return "it is not as expected"
        }
    }

    private static func path(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
        let keys = context.codingPath + (last.map { [$0] } ?? [])
        return keys.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: "/")
    }
}
