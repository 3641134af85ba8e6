import TestSupport
import Testing

@Suite struct ConcurrentEditTests {
    @Test("edits at once each answer with what they made, and a revision of their own")
    func answers() throws {
        let proxy = try RunningProxy(state: try StateFolder())
        let count = 24
        let answers = try concurrently(count) { number in
            let body = #"{"settings": {"max_queue": \#(100 + number)}}"#
            let answer = try proxy.change("PATCH", "/v1/settings/*", body: body)
            return (answer.status, try answer.json()["settings"].items, answer.fields["etag"])
        }
        for (number, answer) in answers.enumerated() {
            #expect(answer.0 == 200)
            let queue = answer.1.first { $0["name"].text == "max_queue" }
            #expect(queue?["value"].text == "\(100 + number)")
        }
        #expect(Set(answers.compactMap(\.2)).count == count)
    }

    @Test("an import and the end of a trial answer with a revision that the next edit may name")
    func revisions() throws {
        let proxy = try RunningProxy(state: try StateFolder())
        let document =
            #"{"format": "connd-settings", "format_version": 1, "#
            + #""overrides": [{"pattern": "*", "setting": "max_queue", "value": "7"}]}"#
        let imported = try proxy.change("POST", "/v1/import", body: document)
        #expect(imported.status == 200, "\(imported)")
        let tried = try proxy.change(
            "PATCH", "/v1/settings/*", ["If-Match: \(try #require(imported.fields["etag"]))"],
            body: #"{"settings": {"max_queue": 8}, "try_for": "10m"}"#)
        #expect(tried.status == 200, "\(tried)")
        let reverted = try proxy.change(
            "POST", "/v1/settings/*/revert", ["If-Match: \(try #require(tried.fields["etag"]))"], body: "{}")
        #expect(reverted.status == 200, "\(reverted)")
        // Nothing changes, and so does the revision not.
        let again = try proxy.change(
            "POST", "/v1/import", ["If-Match: \(try #require(reverted.fields["etag"]))"], body: "\u{FEFF}" + document)
        #expect(again.status == 200 && again.fields["etag"] == reverted.fields["etag"], "\(again)")
    }
}
