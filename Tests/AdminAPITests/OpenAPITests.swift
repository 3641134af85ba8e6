import AdminModels
import Testing

@testable import AdminAPI

@Suite("The OpenAPI document and what it describes")
struct OpenAPITests {
    private static let operations = RouteTable.standard(Samples.definitions, version: "1").operations
    private static let document = OpenAPIDocument(
        operations: operations, definitions: Samples.definitions, version: "1")

    /// Every model that an answer may hold.
    private static let models: [any (Codable & Sendable).Type] = [
        Problem.self, FieldProblem.self, StatusReport.self, ConnectionCounts.self, Totals.self, StoreReport.self,
        VersionReport.self, HealthReport.self, UnopenedListenerReport.self, PauseReport.self, Page<OriginSummary>.self,
        OriginSummary.self, OriginDetail.self,
        OriginFiguresReport.self, Distribution.self, CountDistribution.self, TunnelReport.self,
        TLSHandshakesReport.self, LifetimeReport.self,
        ResolvedSettingReport.self, SettingDefinitionReport.self, SettingsReport.self, PatternReport.self,
        DifferenceReport.self, ConnectionReport.self, TLSReport.self, TCPReport.self, ActionRequest.self,
        SocketReport.self, DelayReport.self, HandshakeWaitsReport.self, SlowStartReport.self,
        FirstRoundTripsReport.self, WindowRestartReport.self, SegmentReport.self, PathReport.self, LearnedReport.self,
        LostRaceReport.self,
        IdleZoneReport.self,
        TCPFiguresReport.self,
        ActionReport.self,
        TrialSelection.self, HistoryReport.self, HistoryPoint.self, ExchangeReport.self, PhaseReport.self,
        AuditReport.self, EventReport.self, SettingsDocument.self, DocumentedSetting.self, ImportReport.self,
        ChangeReport.self, ConfigReport.self, ReloadReportModel.self, ConfigurationChangeReport.self,
        RefusedSettingReport.self, UnverifiedReport.self, GatewayReport.self, GatewayRequest.self,
        DocumentedGateway.self, GatewayChangeReport.self, AuthoritiesReport.self, AuthorityReport.self,
        AuthorityStatusReport.self, AuthorityRequest.self, RotationRequest.self,
        DNSReport.self, FailingAddressReport.self, NameReport.self, NameAddressReport.self, FlushedNamesReport.self,
        NameRefreshRequest.self, NameRefreshReport.self, DialAttemptReport.self,
        WhatIfReport.self, WhatIfSettingReport.self, WhatIfFiguresReport.self, WhatIfCheckReport.self,
        PortsReport.self, PortPathReport.self, ProgramsReport.self, ProgramReport.self, ProgramOriginReport.self,
        AttributionReport.self, InterceptionReport.self, OriginTLSReport.self, ClientRefusalReport.self,
        ForgottenRefusalsReport.self, DoctorRequest.self, DoctorReport.self, FindingReport.self, RemarkReport.self,
        AdviceReport.self, EvidenceReport.self, PredictionReport.self, AdviceLookReport.self,
        AdviceDecisionRequest.self,
    ]

    private static func properties(_ name: String) -> [String] {
        document.json["components"]?["schemas"]?[name]?["properties"]?.members.map(\.name) ?? []
    }

    @Test("every model could be described")
    func noFaults() {
        #expect(Self.document.faults.isEmpty)
    }

    @Test("a model's schema has the properties that it is written with, no more and no fewer")
    func propertiesMatch() throws {
        for model in Self.models {
            let name = SchemaBuilder.name(of: model)
            let filled = try model.init(from: SchemaProbe(builder: SchemaBuilder()))
            #expect(try ModelEncoder.value(of: filled).members.map(\.name) == Self.properties(name), "\(name)")
        }
    }

    @Test("every schema but those written by hand is of a model that is looked at above")
    func allModels() {
        let names = Set(Self.document.json["components"]?["schemas"]?.members.map(\.name) ?? [])
        let known = Set(Self.models.map { SchemaBuilder.name(of: $0) })
        #expect(
            names.subtracting(known).filter { !$0.hasSuffix("Page") }.sorted() == ["SettingValue", "SettingsPatch"])
    }

    @Test("every annotation is of a property that exists")
    func annotations() {
        for key in SchemaAnnotations.all.keys {
            let parts = key.split(separator: ".").map(String.init)
            #expect(Self.properties(parts[0]).contains(parts[1]), "\(key)")
        }
    }

    @Test("what a body may hold is what its schema says")
    func bodies() {
        #expect(Self.properties("SettingsPatch") == SettingsPatch.known)
        #expect(Self.properties("TrialSelection") == TrialSelection.known)
        #expect(Self.properties("ActionRequest") == ActionRequest.known)
        #expect(Self.properties("SettingsDocument") == SettingsDocument.known)
        #expect(Self.properties("DocumentedSetting") == DocumentedSetting.known)
        #expect(Self.properties("GatewayRequest") == GatewayRequest.known)
        #expect(Self.properties("DocumentedGateway") == DocumentedGateway.known)
        #expect(Self.properties("AuthorityRequest") == AuthorityRequest.known)
        #expect(Self.properties("RotationRequest") == RotationRequest.known)
        #expect(Self.properties("AdviceDecisionRequest") == AdviceDecisionRequest.known)
        #expect(Self.properties("NameRefreshRequest") == NameRefreshRequest.known)
        #expect(Self.properties("DoctorRequest") == DoctorRequest.known)
    }

    @Test("the example of every body is taken")
    func examples() {
        for body in Self.operations.compactMap(\.body) {
            var reader = BodyReader()
            _ = body.type.read(body.example, with: &reader)
            #expect(reader.problems.isEmpty, "\(body.type)")
        }
    }

    @Test("every path of the API is served, and every operation has a name of its own")
    func paths() {
        let served = Set(Self.operations.map(\.path))
        #expect(
            served == [
                Paths.status, Paths.version, Paths.origins, Paths.origin, Paths.whatIf, Paths.doctor, Paths.definitions,
                Paths.settings,
                Paths.gateways, Paths.gateway, Paths.authorities, Paths.rotateAuthority, Paths.setting, Paths.confirm,
                Paths.revert, Paths.diff,
                Paths.advice, Paths.oneAdvice, Paths.acceptAdvice, Paths.dismissAdvice,
                Paths.tlsOrigins, Paths.ports, Paths.programs, Paths.refusals, Paths.dns, Paths.names,
                Paths.refreshName,
                Paths.connections, Paths.connection,
                Paths.action, Paths.history, Paths.exchanges, Paths.exchange, Paths.audit, Paths.events, Paths.backup,
                Paths.export,
                Paths.import, Paths.config, Paths.reload, Paths.openAPI, Paths.metrics, Paths.health, Paths.ready, "/",
                "/proxy.pac", "/wpad.dat",
            ])
        #expect(Set(Self.operations.map(\.name)).count == Self.operations.count)
        #expect(Set(Self.document.json["paths"]?.members.map(\.name) ?? []) == served)
    }

    @Test("every reference leads somewhere")
    func references() {
        let schemas = Self.document.json["components"]?["schemas"]
        func walk(_ value: JSONValue) {
            if case .text(let target)? = value["$ref"] {
                #expect(schemas?[String(target.split(separator: "/").last ?? "")] != nil, "\(target)")
            }
            for member in value.members { walk(member.value) }
            if case .list(let items) = value { items.forEach(walk) }
        }
        walk(Self.document.json)
    }

    @Test(
        "a segment of a path takes what stands percent-encoded in it",
        arguments: [
            ("/v1/origins/http%3A%2F%2F127.0.0.1%3A8080", "http://127.0.0.1:8080"), ("/v1/origins/a+b", "a+b"),
            ("/v1/origins/%5B%3A%3A1%5D", "[::1]"),
        ])
    func segments(path: String, origin: String) throws {
        let match = try RouteTable(operations: Self.operations).find("HEAD", path)
        #expect(match.operation.path == Paths.origin)
        #expect(match.segments == ["origin": origin])
    }
}
