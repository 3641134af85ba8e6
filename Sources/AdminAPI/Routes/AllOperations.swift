import AdminModels

extension RouteTable {
    /// Every operation of the API, in the order of the document.
    static let operationsOfBackend: [Operation] =
        StatusRoutes.operations + OriginRoutes.operations + WhatIfRoutes.operations + DoctorRoutes.operations
        + SettingsRoutes.operations + GatewayRoutes.operations + NameRoutes.operations + AdviceRoutes.operations
        + PortRoutes.operations + ProgramRoutes.operations + TLSRoutes.operations
        + AuthorityRoutes.operations + ConnectionRoutes.operations
        + RecordRoutes.operations + TransferRoutes.operations + ProxyAutoConfigRoutes.operations

    /// Includes the operation that returns the document, which describes itself too.
    static func standard(_ definitions: [SettingDefinitionReport], version: String) -> RouteTable {
        let described = operationsOfBackend + [openAPI(.null)]
        let document = OpenAPIDocument(operations: described, definitions: definitions, version: version).json
        return RouteTable(operations: operationsOfBackend + [openAPI(document)])
    }

    private static func openAPI(_ document: JSONValue) -> Operation {
        Operation(
            verb: .get, path: Paths.openAPI, name: "getOpenAPI", summary: "This document",
            success: .init(status: 200, help: "OpenAPI 3.1.", content: .document)
        ) { _ in .document(document) }
    }
}
