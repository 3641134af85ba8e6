import AdminModels
import FoundationEssentials

/// Generates the manual page in roff from the commands that parse the command line. Pure.
enum ManualPage {
    /// The part of ArgumentParser's description of a tool that is used here.
    private struct Dump: Decodable {
        let command: Command
    }

    private struct Command: Decodable {
        let commandName: String
        let abstract: String?
        let discussion: String?
        let subcommands: [Command]?
        let arguments: [Argument]?
    }

    private struct Argument: Decodable {
        struct Name: Decodable {
            let kind: String
            let name: String
        }

        let kind: String
        let shouldDisplay: Bool
        let isOptional: Bool
        let isRepeating: Bool
        let names: [Name]?
        let valueName: String?
        let abstract: String?
        let defaultValue: String?
        let allValues: [String]?
    }

    static func make(fromDump json: String) throws -> String {
        let root = try JSONDecoder().decode(Dump.self, from: Data(json.utf8)).command
        let verbs = (root.subcommands ?? []).filter { $0.commandName != "help" }
        var lines = [
            ".TH CONNCTL 1 \"\" \"connd \(escaped(ProductVersion.text))\" \"User Commands\"", ".SH NAME",
            "connctl \\- \(escaped(sentence(root.abstract)))", ".SH SYNOPSIS", ".B connctl", ".I command",
            ".RI [ options ]", ".SH DESCRIPTION",
        ]
        lines += body(root.discussion)
        lines.append(".SH COMMANDS")
        let shared = sharedNames(verbs)
        for verb in verbs { lines += describe(verb, without: shared) }
        lines.append(".SH OPTIONS OF EVERY COMMAND")
        lines += (verbs.first?.arguments ?? []).filter { shared.contains(key($0)) }.flatMap(describe)
        lines += ending
        return lines.joined(separator: "\n") + "\n"
    }

    private static let ending = [
        ".SH ENVIRONMENT", ".TP", ".B CONNCTL_ADMIN", "URL of the admin API, as for \\-\\-admin.", ".TP",
        ".B CONNCTL_TOKEN_FILE", "File with the token that changes require.", ".TP", ".B NO_COLOR", "No colours.",
        ".SH EXIT STATUS", ".TP", ".B 0", "Success.", ".TP", ".B 1", "Failure; standard error says why.", ".TP",
        ".B 2", "Wrong usage.", ".TP", ".B 3",
        "A setting changed in the meantime (\\-\\-if\\-unchanged); nothing was done.", ".TP", ".B 4",
        "connd is not reachable.", ".SH FILES", ".TP", ".I /run/connd/admin.sock", "The system's connd.", ".TP",
        ".I ~/.local/state/connd/admin.url", "Address of the user's own connd.", ".TP",
        ".I /etc/connd/admin.token", "The token, if it may be read.", ".SH SEE ALSO", ".BR connd (8),",
        ".BR curl (1)",
    ]

    private static func describe(_ verb: Command, without shared: [String]) -> [String] {
        let arguments = (verb.arguments ?? []).filter { $0.shouldDisplay && !shared.contains(key($0)) }
        var lines = [".SS connctl \(escaped(verb.commandName))\(arguments.map { " " + synopsis($0) }.joined())"]
        lines += body(verb.abstract) + arguments.flatMap(describe)
        if let discussion = verb.discussion, !discussion.isEmpty {
            lines += [".PP"] + body(discussion, hasExamples: true)
        }
        return lines
    }

    private static func describe(_ argument: Argument) -> [String] {
        var text = argument.abstract ?? ""
        if let values = argument.allValues, !values.isEmpty, !values.allSatisfy({ text.contains($0) }) {
            text += " One of \(values.joined(separator: ", "))."
        }
        if let standard = argument.defaultValue, argument.kind != "flag" { text += " (default: \(standard))" }
        return [".TP", ".B \(title(argument))", escaped(text)]
    }

    private static func title(_ argument: Argument) -> String {
        let value = escaped(argument.valueName ?? "value")
        guard argument.kind != "positional" else { return value }
        let names = (argument.names ?? []).map { escaped(($0.kind == "long" ? "--" : "-") + $0.name) }
        return names.joined(separator: ", ") + (argument.kind == "option" ? " \\fI\(value)\\fR" : "")
    }

    private static func synopsis(_ argument: Argument) -> String {
        let value = escaped(argument.valueName ?? "value")
        let long = (argument.names ?? []).first { $0.kind == "long" } ?? argument.names?.first
        let name = long.map { escaped(($0.kind == "long" ? "--" : "-") + $0.name) } ?? ""
        let text =
            switch argument.kind {
            case "positional": "\\fI\(value)\\fR"
            case "flag": name
            default: "\(name) \\fI\(value)\\fR"
            }
        let repeated = argument.isRepeating ? text + " ..." : text
        return argument.isOptional ? "[\(repeated)]" : repeated
    }

    /// The options common to all verbs, in the order of the first verb.
    private static func sharedNames(_ verbs: [Command]) -> [String] {
        guard let first = verbs.first else { return [] }
        let names = (first.arguments ?? []).map(key)
        return names.filter { name in verbs.allSatisfy { ($0.arguments ?? []).contains { key($0) == name } } }
    }

    private static func key(_ argument: Argument) -> String {
        argument.kind + ":" + (argument.names ?? []).map(\.name).joined(separator: ",")
            + (argument.kind == "positional" ? argument.valueName ?? "" : "")
    }

    /// Formats paragraphs; indented lines and examples are kept as they are.
    private static func body(_ text: String?, hasExamples: Bool = false) -> [String] {
        guard let text, !text.isEmpty else { return [] }
        var lines: [String] = []
        var isLiteral = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let isExample = hasExamples && ["connctl ", "eval ", "sudo "].contains { line.hasPrefix($0) }
            let isCode = isExample || line.hasPrefix("  ")
            if line.isEmpty {
                lines.append(isLiteral ? "" : ".PP")
                continue
            }
            if isCode != isLiteral {
                lines.append(isCode ? ".nf" : ".fi")
                isLiteral = isCode
            }
            lines.append(escaped(String(line)))
        }
        if isLiteral { lines.append(".fi") }
        return lines
    }

    private static func sentence(_ text: String?) -> String {
        let text = text ?? ""
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }

    /// Escapes what is special in roff: a dot or apostrophe at the start of a line, backslashes and hyphens.
    static func escaped(_ text: String) -> String {
        let body = text.map { character in
            switch character {
            case "\\": "\\e"
            case "-": "\\-"
            default: String(character)
            }
        }.joined()
        return body.hasPrefix(".") || body.hasPrefix("'") ? "\\&" + body : body
    }
}
