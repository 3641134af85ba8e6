import NIOCore

/// Encodes a model in the API's form: names in snake_case, in the order of declaration; dictionary keys sorted and
/// unchanged; nil left out. Used by one caller at a time.
struct ModelEncoder: Encoder {
    fileprivate final class Node {
        /// The first that is set determines the kind, else it is an object. Separate, so that each grows in place.
        var value: JSONValue?
        var items: [Node]?
        var members: [(name: String, node: Node)] = []

        var json: JSONValue {
            if let value { return value }
            if let items { return .list(items.map(\.json)) }
            return .object(members.map { .init(name: $0.name, value: $0.node.json) })
        }
    }

    fileprivate let node: Node
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func value(of model: any Encodable) throws -> JSONValue { try node(of: model).json }

    /// Ends with a newline.
    static func encode(_ model: any Encodable) throws -> ByteBuffer {
        ByteBuffer(bytes: try value(of: model).bytes + [UInt8(ascii: "\n")])
    }

    fileprivate static func node(of model: any Encodable) throws -> Node {
        let node = Node()
        if let plain = model as? any JSONConvertible {
            node.value = try plain.json()
        } else {
            try model.encode(to: ModelEncoder(node: node))
        }
        return node
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(Keyed<Key>(node: node))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.items = []
        return Unkeyed(node: node)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(node: node) }
}

/// Types that encode to JSON without an encoder.
protocol JSONConvertible {
    func json() throws -> JSONValue
}

extension String: JSONConvertible { func json() -> JSONValue { .text(self) } }
extension Bool: JSONConvertible { func json() -> JSONValue { .flag(self) } }
extension Int: JSONConvertible { func json() -> JSONValue { .integer(self) } }
extension JSONConvertible where Self: BinaryInteger {
    func json() -> JSONValue { Int(exactly: self).map(JSONValue.integer) ?? .number(Double(self)) }
}
// Each, as the standard library's own `encode(to:)` of a type that is missing here would come back to this encoder.
extension Int8: JSONConvertible {}
extension Int16: JSONConvertible {}
extension Int32: JSONConvertible {}
extension Int64: JSONConvertible {}
extension UInt: JSONConvertible {}
extension UInt8: JSONConvertible {}
extension UInt16: JSONConvertible {}
extension UInt32: JSONConvertible {}
extension UInt64: JSONConvertible {}
extension Double: JSONConvertible { func json() -> JSONValue { .number(self) } }
extension Float: JSONConvertible { func json() -> JSONValue { .number(Double(self)) } }
extension Array: JSONConvertible where Element: Encodable {
    func json() throws -> JSONValue { .list(try map { try ModelEncoder.value(of: $0) }) }
}
extension Dictionary: JSONConvertible where Key == String, Value: Encodable {
    func json() throws -> JSONValue {
        .object(try sorted { $0.key < $1.key }.map { .init(name: $0.key, value: try ModelEncoder.value(of: $0.value)) })
    }
}

extension ModelEncoder {
    private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let node: Node
        var codingPath: [any CodingKey] { [] }

        private func add(_ child: Node, _ key: Key) { node.members.append((key.stringValue, child)) }

        func encodeNil(forKey key: Key) {}

        func encode<T: Encodable>(_ value: T, forKey key: Key) throws { add(try ModelEncoder.node(of: value), key) }

        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key)
            -> KeyedEncodingContainer<Nested>
        {
            let child = Node()
            add(child, key)
            return ModelEncoder(node: child).container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            let child = Node()
            add(child, key)
            return ModelEncoder(node: child).unkeyedContainer()
        }

        func superEncoder() -> any Encoder { ModelEncoder(node: node) }
        func superEncoder(forKey key: Key) -> any Encoder { ModelEncoder(node: node) }
    }

    private struct Unkeyed: UnkeyedEncodingContainer {
        let node: Node
        var codingPath: [any CodingKey] { [] }
        var count: Int { node.items?.count ?? 0 }

        private func add(_ child: Node) { node.items?.append(child) }

        func encodeNil() {
            let child = Node()
            child.value = .null
            add(child)
        }

        func encode<T: Encodable>(_ value: T) throws { add(try ModelEncoder.node(of: value)) }

        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
            let child = Node()
            add(child)
            return ModelEncoder(node: child).container(keyedBy: type)
        }

        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
            let child = Node()
            add(child)
            return ModelEncoder(node: child).unkeyedContainer()
        }

        func superEncoder() -> any Encoder { ModelEncoder(node: node) }
    }

    private struct Single: SingleValueEncodingContainer {
        let node: Node
        var codingPath: [any CodingKey] { [] }

        func encodeNil() { node.value = .null }
        func encode<T: Encodable>(_ value: T) throws { node.value = try ModelEncoder.node(of: value).json }
    }
}
