/// Types with a fixed schema.
protocol SchemaShaped: Decodable {
    static func schema(in builder: SchemaBuilder) -> JSONValue
    static var placeholder: Self { get }
}

extension String: SchemaShaped {
    static func schema(in builder: SchemaBuilder) -> JSONValue { ["type": "string"] }
    static var placeholder: String { "" }
}

extension Bool: SchemaShaped {
    static func schema(in builder: SchemaBuilder) -> JSONValue { ["type": "boolean"] }
    static var placeholder: Bool { false }
}

extension Double: SchemaShaped {
    static func schema(in builder: SchemaBuilder) -> JSONValue { ["type": "number"] }
    static var placeholder: Double { 0 }
}

extension Int: SchemaShaped {
    static func schema(in builder: SchemaBuilder) -> JSONValue { ["type": "integer", "format": "int64"] }
    static var placeholder: Int { 0 }
}

extension Int64: SchemaShaped {
    static func schema(in builder: SchemaBuilder) -> JSONValue { ["type": "integer", "format": "int64"] }
    static var placeholder: Int64 { 0 }
}

extension UInt64: SchemaShaped {
    static func schema(in builder: SchemaBuilder) -> JSONValue { ["type": "integer", "minimum": 0] }
    static var placeholder: UInt64 { 0 }
}

extension Array: SchemaShaped where Element: Decodable {
    static func schema(in builder: SchemaBuilder) -> JSONValue {
        ["type": "array", "items": builder.schema(of: Element.self)]
    }
    static var placeholder: [Element] { [] }
}

extension Dictionary: SchemaShaped where Key == String, Value: Decodable {
    static func schema(in builder: SchemaBuilder) -> JSONValue {
        ["type": "object", "additionalProperties": builder.schema(of: Value.self)]
    }
    static var placeholder: [String: Value] { [:] }
}
