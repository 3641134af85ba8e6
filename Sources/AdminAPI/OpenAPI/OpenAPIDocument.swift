import AdminModels

/// The OpenAPI 3.1 document, written from the table of operations and the models. Value.
struct OpenAPIDocument {
    let json: JSONValue
    /// What could not be described; a test asserts that it is empty.
    let faults: [String]

    init(operations: [Operation], definitions: [SettingDefinitionReport], version: String) {
        let builder = SchemaBuilder()
        let problem = builder.schema(of: Problem.self)
        builder.add("SettingValue", Self.settingValue)
        builder.add("SettingsPatch", Self.patch(definitions))
        _ = builder.schema(of: EventReport.self)
        var paths: [JSONValue.Member] = []
        for operation in operations {
            let member = JSONValue.Member(
                name: operation.verb.rawValue.lowercased(), value: Self.describe(operation, builder, problem))
            if let index = paths.firstIndex(where: { $0.name == operation.path }) {
                paths[index].value = paths[index].value.merging(.object([member]))
            } else {
                paths.append(.init(name: operation.path, value: .object([member])))
            }
        }
        faults = builder.faults
        json = [
            "openapi": "3.1.0",
            "info": ["title": "connd admin API", "version": .text(version), "description": .text(Self.about)],
            "servers": [["url": "/"]],
            "paths": .object(paths),
            "components": [
                "schemas": .object(builder.components.map { .init(name: $0.name, value: $0.schema) }),
                "securitySchemes": [
                    "token": [
                        "type": "http", "scheme": "bearer",
                        "description": "From connd's token file. Over the Unix socket the peer's uid decides instead.",
                    ]
                ],
            ],
        ]
    }

    private static let about = """
        Steers and watches connd. Times are RFC 3339 in UTC beside `_ms` integers since 1970, durations text with \
        units beside `_ms` numbers. What is null is left out. Fields and parameters that are unknown are refused. Every GET \
        answers HEAD too. Errors are RFC 9457 problems.
        """

    private static func describe(_ operation: Operation, _ builder: SchemaBuilder, _ problem: JSONValue) -> JSONValue {
        var description: JSONValue = [
            "operationId": .text(operation.name), "summary": .text(operation.summary),
            "tags": [
                .text(
                    operation.segments.first == "v1" ? String(operation.segments.dropFirst().first ?? "plain") : "plain"
                )
            ],
        ]
        if !operation.help.isEmpty { description = description.merging(["description": .text(operation.help)]) }
        var parameters = operation.parameters.map(describe)
        if operation.isRevisioned { parameters.append(condition(operation)) }
        if !parameters.isEmpty { description = description.merging(["parameters": .list(parameters)]) }
        if let body = operation.body {
            let name = SchemaBuilder.name(of: body.type)
            let schema: JSONValue =
                (body.type as? any Decodable.Type).map(builder.schema(of:))
                ?? ["$ref": "#/components/schemas/\(name)"]
            description = description.merging([
                "requestBody": [
                    "required": .flag(body.type.whenEmptyExists == false),
                    "content": ["application/json": ["schema": schema, "example": body.example]],
                ]
            ])
        }
        if operation.verb.changes { description = description.merging(["security": [["token": []]]]) }
        return description.merging(["responses": responses(operation, builder, problem)])
    }

    private static func describe(_ parameter: Parameter) -> JSONValue {
        var schema = schema(parameter.kind)
        if let standard = parameter.standard { schema = schema.merging(["default": standard]) }
        var description: JSONValue = [
            "name": .text(parameter.name), "in": .text(parameter.location.rawValue),
            "required": .flag(parameter.location == .path), "description": .text(parameter.help), "schema": schema,
        ]
        if let example = parameter.example { description = description.merging(["example": example]) }
        return description
    }

    private static func schema(_ kind: Parameter.Kind) -> JSONValue {
        switch kind {
        case .text(let longest):
            [
                "type": "string", "minLength": 1, "maxLength": .integer(longest),
                "pattern": SchemaAnnotations.textPattern,
            ]
        case .integer(let range):
            ["type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)]
        case .choice(let words): ["type": "string", "enum": .list(words.map { .text($0) })]
        case .flag: ["type": "boolean"]
        case .time: ["type": "string", "pattern": .text(TimeText.pattern)]
        }
    }

    private static func condition(_ operation: Operation) -> JSONValue {
        let changes = operation.verb.changes
        return [
            "name": changes ? "If-Match" : "If-None-Match", "in": "header", "required": false,
            "description": changes
                ? "An ETag such as `\"r12\"`, several, or `*`: refused with 412 if the settings are at another."
                : "An ETag such as `\"r12\"`, several, or `*`: answered 304 if the settings are still at it.",
            "schema": changes ? Revision.schema : ["type": "string"],
            "example": "*",
        ]
    }

    // MARK: Answers

    private static func responses(_ operation: Operation, _ builder: SchemaBuilder, _ problem: JSONValue) -> JSONValue {
        let content = content(operation.success.content, builder)
        var success: JSONValue = ["description": .text(operation.success.help)]
        if let content { success = success.merging(["content": content]) }
        if operation.isRevisioned {
            success = success.merging([
                "headers": ["ETag": ["description": "The revision of the settings.", "schema": ["type": "string"]]]
            ])
        }
        var list = [JSONValue.Member(name: "\(operation.success.status)", value: success)]
        if operation.isRevisioned, !operation.verb.changes {
            list.append(.init(name: "304", value: ["description": "Not changed since."]))
        }
        if operation.mayBeUnready, let content {
            list.append(
                .init(name: "503", value: ["description": "It is not; `reasons` say why.", "content": content]))
        }
        let refusal: JSONValue = [Problem.mediaType: ["schema": problem]]
        for status in statuses(operation) {
            let title = Problem.titles[status] ?? "Error"
            list.append(.init(name: "\(status)", value: ["description": .text("\(title)."), "content": refusal]))
        }
        list.append(
            .init(name: "default", value: ["description": "Any other problem.", "content": refusal]))
        return .object(list)
    }

    /// The operation's own problems; those that any request may get are under `default`.
    private static func statuses(_ operation: Operation) -> [Int] {
        var statuses = Set(operation.problems).union([403, 421])
        if !operation.parameters.isEmpty || operation.verb.changes {
            statuses.formUnion([400, 422])
        } else {
            // For an unknown parameter.
            statuses.formUnion([422])
        }
        if operation.verb.changes { statuses.formUnion([401, 413, 415]) }
        if operation.isRevisioned, operation.verb.changes { statuses.formUnion([412]) }
        return statuses.sorted()
    }

    private static func content(_ content: Operation.Content, _ builder: SchemaBuilder) -> JSONValue? {
        switch content {
        case .nothing: nil
        case .json(let type): ["application/json": ["schema": builder.schema(of: type)]]
        case .document: ["application/json": ["schema": ["type": "object"]]]
        case .text(let type): .object([.init(name: type, value: ["schema": ["type": "string"]])])
        case .bytes(let type):
            .object([.init(name: type, value: ["schema": ["type": "string", "format": "binary"]])])
        case .events: .object([.init(name: EventStreams.mediaType, value: ["schema": ["type": "string"]])])
        }
    }

    // MARK: Settings

    private static let settingValue: JSONValue = [
        "description": "A value in the form of its setting; null returns to the inherited one.",
        "type": ["string", "integer", "boolean", "array", "null"],
        "maxLength": .integer(BodyLimits.value), "pattern": SchemaAnnotations.textPattern,
        "maxItems": .integer(BodyLimits.listed),
        "items": ["type": "string", "maxLength": .integer(BodyLimits.word), "pattern": SchemaAnnotations.textPattern],
    ]

    private static func patch(_ definitions: [SettingDefinitionReport]) -> JSONValue {
        let settings = definitions.map { definition in
            JSONValue.Member(
                name: definition.name,
                value: [
                    "$ref": "#/components/schemas/SettingValue",
                    "description": .text(
                        "\(definition.help). Must be \(definition.allowed); \(definition.standard) by default."),
                ])
        }
        return [
            "type": "object", "required": ["settings"], "additionalProperties": false,
            "properties": [
                "settings": [
                    "type": "object", "minProperties": 1, "additionalProperties": false,
                    "properties": .object(settings),
                ],
                "reason": [
                    "type": ["string", "null"], "maxLength": .integer(BodyLimits.reason),
                    "pattern": SchemaAnnotations.textPattern,
                    "description": "Why; kept in the audit trail. Required to set tls_verify to none.",
                ],
                "try_for": [
                    "type": ["string", "null"], "maxLength": .integer(BodyLimits.word),
                    "pattern": SchemaAnnotations.textPattern,
                    "description": "A duration such as 10m: it reverts by itself after that unless confirmed.",
                ],
            ],
        ]
    }
}
