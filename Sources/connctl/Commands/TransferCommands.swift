import AdminClient
import AdminModels
import ArgumentParser
import Glibc

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes everything set at run time as a JSON document, for `connctl import`.",
        discussion: """
            connctl export settings.json
            connctl export | ssh other connctl import -
            """)

    @Argument(help: "The file to write. Default, or -: standard output.", completion: .file())
    var file: String?

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        let file = file
        try await Session.run(global) { session in
            let answer = try await session.client.export()
            guard let file, file != "-" else { return session.output.json(answer.body) }
            do throws(FileProblem) {
                try NewFile.write(answer.body, to: file)
            } catch {
                throw CommandFailure(
                    "\(file) cannot be written: \(error.reason)",
                    next: ["name another file, or none for standard output"])
            }
            var count = Formatting.plural(answer.content.overrides.count, "override")
            if let gateways = answer.content.gateways, !gateways.isEmpty {
                count += " and " + Formatting.plural(gateways.count, "gateway")
            }
            if !session.output.isJSON { session.output.line("\(count) written to \(file)") }
        }
    }
}

/// Writes a file completely or not at all.
enum NewFile {
    static func write(_ bytes: [UInt8], to path: String) throws(FileProblem) {
        let partial = path + ".connctl-\(getpid())"
        let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileProblem(reason: String(cString: strerror(errno))) }
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            sent += count
        }
        let isWritten = sent == bytes.count
        let isClosed = close(descriptor) == 0
        guard isWritten, isClosed, rename(partial, path) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(partial)
            throw FileProblem(reason: reason)
        }
    }
}

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Applies a document from `connctl export`. Importing it again changes nothing.",
        discussion: """
            connctl import settings.json --dry-run
            connctl import settings.json --replace     also unsets what the document does not name
            """)

    @Argument(help: "The file to read; -: standard input.", completion: .file())
    var file: String

    @Flag(help: "Show what would change, without changing anything.")
    var dryRun = false

    @Flag(help: "Unset what the document does not name.")
    var replace = false

    @Option(help: "The reason, shown in the audit trail.")
    var reason: String?

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        let (file, dryRun, replace, reason) = (file, dryRun, replace, reason)
        let document: [UInt8]
        do throws(FileProblem) {
            document = file == "-" ? try SmallFile.bytes(STDIN_FILENO) : try SmallFile.bytes(file)
        } catch {
            throw CommandFailure(
                "\(file) cannot be read: \(error.reason)", next: ["connctl export FILE    writes such a document"])
        }
        try await Session.run(global) { session in
            session.about(.document)
            let answer = try await session.client.importSettings(
                document, replace: replace, dryRun: dryRun, reason: reason)
            let output = session.output
            if output.isJSON { return output.json(answer.body) }
            let report = answer.content
            if !report.changes.isEmpty { output.table(ChangeTable.table(report.changes)) }
            for gateway in report.gateways {
                output.line("gateway \(gateway.name): \(gateway.before ?? "none") -> \(gateway.after ?? "none")")
            }
            output.line(
                "\(report.added) added, \(report.changed) changed, \(report.removed) removed, "
                    + "\(report.unchanged) unchanged"
                    + (report.dryRun ? "; nothing was done: run it without --dry-run to apply it" : ""))
        }
    }
}

/// Changes as rows. Pure.
enum ChangeTable {
    static func table(_ changes: [ChangeReport]) -> Table {
        var table = Table([.flexible("PATTERN"), "SETTING", "BEFORE", "AFTER", "HIDDEN BY"])
        for change in changes {
            table.add([
                .init(change.pattern), .init(change.setting), .init(change.before ?? Formatting.none),
                .init(change.after ?? Formatting.none, .bold), .init(change.hiddenBy ?? "", .warning),
            ])
        }
        return table
    }
}
