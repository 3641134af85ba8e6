import AdminClient
import AdminModels
import ArgumentParser

/// Completes words for shells. Queries connd with short time-outs, and offers nothing if it is not running.
enum Completion {
    private static let most = 200

    @Sendable
    static func origins(_ words: [String], _ index: Int, _ prefix: String) async -> [String] {
        let prefix = meant(prefix)
        return await ask { client in
            var query = OriginQuery()
            query.page.limit = most
            query.filter = prefix.isEmpty ? nil : prefix
            return try await client.origins(query).content.items.map(\.origin)
        }
    }

    @Sendable
    static func originsOrAll(_ words: [String], _ index: Int, _ prefix: String) async -> [String] {
        await origins(words, index, prefix) + ["all"]
    }

    @Sendable
    static func settings(_ words: [String], _ index: Int, _ prefix: String) async -> [String] {
        await ask { client in try await client.definitions().content.map(\.name) }
    }

    /// Offers `name=`, then the values if there are only a few: `pipelining=off`.
    @Sendable
    static func assignments(_ words: [String], _ index: Int, _ prefix: String) async -> [String] {
        let prefix = meant(prefix)
        return await ask { client in
            try await client.definitions().content.flatMap { definition in
                let isNamed = prefix.hasPrefix(definition.name + "=")
                let values = isNamed ? definition.kind == "flag" ? ["on", "off"] : definition.choices ?? [] : []
                return values.isEmpty ? [definition.name + "="] : values.map { "\(definition.name)=\($0)" }
            }
        }
    }

    @Sendable
    static func questions(_ words: [String], _ index: Int, _ prefix: String) async -> [String] {
        WhatIfQuery.names.map { $0 + "=" }
    }

    @Sendable
    static func gateways(_ words: [String], _ index: Int, _ prefix: String) async -> [String] {
        await ask { client in try await client.gateways().content.map(\.name) }
    }

    /// Shells pass the word as typed, including quotes and backslashes.
    private static func meant(_ prefix: String) -> String {
        let plain = prefix.replacing(#"\"#, with: "")
        return plain.hasPrefix("\"") || plain.hasPrefix("'") ? String(plain.dropFirst()) : plain
    }

    private static func ask(_ question: (AdminClient) async throws -> [String]) async -> [String] {
        guard let daemon = try? DaemonSearch.find(option: nil, environment: .current) else { return [] }
        let client = AdminClient(daemon.address, timeouts: .interactive)
        let answer = (try? await question(client)) ?? []
        return answer.filter { !$0.unicodeScalars.contains(where: SafeText.isUnsafe) }.map {
            // zsh treats text after a colon as a description.
            CompletionShell.requesting == .zsh ? $0.replacing(":", with: #"\:"#) : $0
        }
    }
}
