import Testing
import TestSupport

@Suite struct SmokeTests {
    @Test("a request goes through")
    func goes() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        let response = try client.get(origin.url("/x"))
        #expect(response.status == 200)
        #expect(response.text == "hello")
        print(try proxy.totals(), origin.record)
    }
}
