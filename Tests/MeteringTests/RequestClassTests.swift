import Metering
import ProxyTypes
import Testing

@Suite("Classes of requests and reasons")
struct RequestClassTests {
    @Test("cells of the table are numbered without a gap, and a number leads back to its cell")
    func cellsAreNumbered() {
        #expect(RequestClass.allCases.map(\.rawValue) == (0..<24).map { UInt8($0) })
        for cell in RequestClass.allCases { #expect(RequestClass(rawValue: cell.rawValue) == cell) }
        #expect(RequestClass(rawValue: 24) == nil && RequestClass(rawValue: .max) == nil)
        #expect(Set(RequestClass.allCases).count == MethodClass.allCases.count * OutcomeClass.allCases.count)
    }

    @Test(
        "the first digit of a status says the class",
        arguments: [
            (100, "1xx"), (101, "1xx"), (200, "2xx"), (299, "2xx"), (304, "3xx"), (404, "4xx"), (499, "4xx"),
            (500, "5xx"), (599, "5xx"), (600, "5xx"), (999, "5xx"),
        ])
    func statusClasses(status: Int, name: String) {
        #expect(OutcomeClass(status: status).name == name)
    }

    @Test("words of each set are told apart")
    func namesAreUnique() {
        func check<T: CaseIterable>(_ cases: T.Type, _ name: (T) -> String) {
            #expect(Set(cases.allCases.map(name)).count == cases.allCases.count)
        }
        check(MethodClass.self, \.name)
        check(OutcomeClass.self, \.name)
        check(DialCause.self, \.name)
        check(LeaseCause.self, \.name)
        check(RetryCause.self, \.name)
        check(RetryOutcome.self, \.name)
        check(ClientCloseReason.self, \.name)
        check(CloseReason.self, \.name)
        check(CloseReason.Side.self, \.name)
        check(ProxyError.Kind.self, \.name)
    }

    @Test("each close reason is somebody's doing")
    func sidesOfReasons() {
        let byOrigin: Set<CloseReason> = [
            .originConnectionClose, .originFinIdle, .originRstIdle, .originClosedMidResponse, .responseUntilClose,
            .framingError, .unsolicitedBytes, .earlyResponse,
        ]
        for reason in CloseReason.allCases {
            let side: CloseReason.Side =
                reason == .clientAborted ? .client : byOrigin.contains(reason) ? .origin : .ours
            #expect(reason.side == side, "\(reason)")
        }
        #expect(CloseReason.Side.allCases.map(\.name) == ["origin", "connd", "client"])
    }
}
