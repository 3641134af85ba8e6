import Foundation
import Metering
import Testing

private let promtool = "/usr/bin/promtool"

@Suite("Prometheus' own checker")
struct PromtoolTests {
    @Test("has no complaint of a page", arguments: [(0, 100), (1, 100), (5, 2)])
    func pageIsClean(origins: Int, limit: Int) throws {
        var page = MetricsPage.full(seed: 9, origins: origins)
        page.maxOrigins = limit
        page.origins.append(.sample("odd\"\\\nhost", requests: 1))
        var text = PrometheusText()
        let told = try Self.check(text.render(page))
        #expect(told.code == 0 && told.output.isEmpty, "\(told.output)")
    }

    @Test("would complain of a page that is wrong")
    func checkerWorks() throws {
        #expect(try Self.check(Array("# TYPE connd_x counter\nconnd_x 1\n".utf8)).code != 0)
    }

    private static func check(_ page: [UInt8]) throws -> (code: Int32, output: String) {
        let file = FileManager.default.temporaryDirectory.appending(path: "connd-\(UUID().uuidString).prom")
        try Data(page).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: promtool)
        process.arguments = ["check", "metrics"]
        process.standardInput = try FileHandle(forReadingFrom: file)
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let told = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: told, as: UTF8.self))
    }
}
