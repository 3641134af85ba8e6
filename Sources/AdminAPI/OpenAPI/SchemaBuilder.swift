import AdminModels

/// Derives schemas from how the models decode, so that the two cannot drift apart. Used by one caller at a time.
final class SchemaBuilder {
    private(set) var components: [(name: String, schema: JSONValue)] = []
    /// What could not be derived; a test asserts that it is empty.
    private(set) var faults: [String] = []
    private let annotations: [String: JSONValue]

    init(annotations: [String: JSONValue] = SchemaAnnotations.all) {
        self.annotations = annotations
    }

    /// Inline for plain types, a reference for models.
    func schema(of type: any Decodable.Type) -> JSONValue {
        if let shaped = type as? any SchemaShaped.Type { return shaped.schema(in: self) }
        let name = Self.name(of: type)
        if !components.contains(where: { $0.name == name }) {
            let place = components.count
            components.append((name, .null))
            components[place].schema = object(of: type, name)
        }
        return ["$ref": "#/components/schemas/\(name)"]
    }

    func add(_ name: String, _ schema: JSONValue) {
        components.append((name, schema))
    }

    /// The schema of `Page<OriginSummary>` is named `OriginSummaryPage`.
    static func name(of type: any Any.Type) -> String {
        let name = String(describing: type)
        guard let start = name.firstIndex(of: "<"), name.last == ">" else { return name }
        return String(name[name.index(after: start)...].dropLast()) + String(name[..<start])
    }

    /// Request bodies accept no unknown field, and accept `null` for optional ones.
    static func isRequest(_ name: String) -> Bool {
        [
            "TrialSelection", "ActionRequest", "SettingsDocument", "DocumentedSetting", "GatewayRequest",
            "DocumentedGateway", "AuthorityRequest", "RotationRequest",
        ].contains(name)
    }

    private func object(of type: any Decodable.Type, _ name: String) -> JSONValue {
        let probe = SchemaProbe(builder: self)
        do { _ = try type.init(from: probe) } catch { faults.append("\(name): \(error)") }
        let isRequest = Self.isRequest(name)
        var properties: [JSONValue.Member] = []
        for property in probe.properties.list {
            var schema = property.schema
            if isRequest, property.isOptional, let type = schema["type"] {
                schema = schema.merging(["type": .list([type, "null"])])
            }
            if let annotation = annotations["\(name).\(property.name)"] { schema = schema.merging(annotation) }
            properties.append(.init(name: property.name, value: schema))
        }
        let required = probe.properties.list.filter { !$0.isOptional }.map { JSONValue.text($0.name) }
        var schema: JSONValue = ["type": "object", "properties": .object(properties)]
        if !required.isEmpty { schema = schema.merging(["required": .list(required)]) }
        if isRequest { schema = schema.merging(["additionalProperties": false]) }
        return schema
    }
}

/// A decoder that returns a value for every property and records which properties were decoded.
struct SchemaProbe: Decoder {
    final class Properties {
        fileprivate(set) var list: [(name: String, schema: JSONValue, isOptional: Bool)] = []
        fileprivate var asked: Set<String> = []
    }

    struct NotAnObject: Error {}

    let builder: SchemaBuilder
    let properties = Properties()
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Keyed<Key>(builder: builder, properties: properties))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw NotAnObject() }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw NotAnObject() }

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let builder: SchemaBuilder
        let properties: Properties
        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { [] }

        /// Only optional properties are checked for presence before they are decoded.
        func contains(_ key: Key) -> Bool {
            properties.asked.insert(key.stringValue)
            return true
        }

        func decodeNil(forKey key: Key) throws -> Bool { false }

        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
            let isOptional = properties.asked.contains(key.stringValue)
            properties.list.append((key.stringValue, builder.schema(of: type), isOptional))
            if let shaped = type as? any SchemaShaped.Type, let value = shaped.placeholder as? T { return value }
            return try T(from: SchemaProbe(builder: builder))
        }

        func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try probe(key) }
        func decode(_ type: String.Type, forKey key: Key) throws -> String { try probe(key) }
        func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try probe(key) }
        func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try probe(key) }
        func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try probe(key) }
        func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try probe(key) }
        func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try probe(key) }
        func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try probe(key) }
        func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try probe(key) }
        func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try probe(key) }
        func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try probe(key) }
        func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try probe(key) }
        func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try probe(key) }
        func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try probe(key) }

        /// Goes through the generic `decode`, which the concrete overloads would otherwise call.
        private func probe<T: Decodable>(_ key: Key) throws -> T { try decode(T.self as T.Type, forKey: key) }

        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
            -> KeyedDecodingContainer<Nested>
        { throw NotAnObject() }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw NotAnObject() }
        func superDecoder() throws -> any Decoder { throw NotAnObject() }
        func superDecoder(forKey key: Key) throws -> any Decoder { throw NotAnObject() }
    }
}
