import AdminModels
import FoundationEssentials

/// The JSON of the API: the models say how their names are written. Pure.
package enum APIJSON {
    package static func decode<Content: Decodable>(_ type: Content.Type, from body: [UInt8]) throws -> Content {
        try JSONDecoder().decode(type, from: Data(body))
    }

    package static func encode(_ content: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return Array(try encoder.encode(content))
    }
}

/// `PATCH /v1/settings/{pattern}` as it goes over the wire: null is written, not left out. Value.
struct PatchBody: Encodable {
    let settings: [String: Value]
    let reason: String?
    let tryFor: String?

    private enum CodingKeys: String, CodingKey {
        case settings, reason
        case tryFor = "try_for"
    }

    init(_ patch: SettingsPatch) {
        settings = patch.settings.mapValues(Value.init)
        reason = patch.reason
        tryFor = patch.tryFor
    }

    struct Value: Encodable {
        let value: SettingsPatch.Value

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch value {
            case .null: try container.encodeNil()
            case .text(let text): try container.encode(text)
            case .integer(let number): try container.encode(number)
            case .flag(let flag): try container.encode(flag)
            case .list(let list): try container.encode(list)
            }
        }
    }
}

/// A list that comes as one object with `items`. Value.
package struct ItemList<Item: Codable & Sendable>: Decodable, Sendable {
    package let items: [Item]
}
