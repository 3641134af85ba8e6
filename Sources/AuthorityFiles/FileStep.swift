/// One step of a change to the directory. What a prefix of a change's steps leaves behind is the state before it or after it,
/// with leftovers that the next change or start removes. Paths are relative to the directory; `""` is itself. Value.
enum FileStep: Hashable, Sendable {
    case makeDirectory(String)
    /// A new file, durable but for its name.
    case write(String, String)
    /// A file's new content takes the place of the old at once, durably.
    case replace(String, String)
    /// Makes the names in a directory durable.
    case sync(String)
    /// Overwritten before it is removed.
    case shred(String)
    case remove(String)
    /// If it is empty.
    case removeDirectory(String)
}

/// The steps of each change. No state.
enum FilePlan {
    static let index = "index.json"
    static let root = "root.pem"
    static let intermediate = "intermediate.pem"
    static let key = "key.pem"

    static func add(
        _ entry: AuthorityIndex.Entry, root: String, intermediate: String, key: String, to index: AuthorityIndex
    ) -> [FileStep] {
        let place = entry.serial
        let forgotten = index.authorities.filter(\.isRetired).map(\.serial)
        return [
            // Tells what a first change leaves behind when it is interrupted from files that nothing is known of.
            .replace(Self.index, index.text), .makeDirectory(place), .write("\(place)/\(Self.root)", root),
            .write("\(place)/\(Self.intermediate)", intermediate), .write("\(place)/\(Self.key)", key), .sync(place),
            .sync(""), .replace(Self.index, index.adding(entry).text),
        ] + forgotten.flatMap(discard)
    }

    static func retire(_ serials: [String], in index: AuthorityIndex) -> [FileStep] {
        [.replace(Self.index, index.retiring(Set(serials)).text)] + serials.flatMap(silence)
    }

    /// Of an authority that signs no more: its root stays, so that it can be shown.
    static func silence(_ serial: String) -> [FileStep] {
        [.shred("\(serial)/\(key)"), .remove("\(serial)/\(intermediate)"), .sync(serial)]
    }

    static func discard(_ serial: String) -> [FileStep] {
        silence(serial) + [.remove("\(serial)/\(root)"), .removeDirectory(serial)]
    }

    static func removeAll(_ serials: [String]) -> [FileStep] {
        [.replace(index, AuthorityIndex().text)] + serials.flatMap(discard)
            + [.sync(""), .remove(index), .removeDirectory("")]
    }
}
