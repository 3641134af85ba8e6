import Glibc

/// Turns a config file into a configuration or a list of problems. Reads only the file.
package enum ConfigurationLoader {
    package static let maxFileSize = 1 << 20

    package static func load(path: String) throws(ConfigurationFailure) -> LoadedConfiguration {
        try load(bytes: read(path), file: path)
    }

    /// `file` is its name in problems and sources.
    package static func load(text: String, file: String) throws(ConfigurationFailure) -> LoadedConfiguration {
        try load(bytes: Array(text.utf8), file: file)
    }

    package static func load(bytes: [UInt8], file: String) throws(ConfigurationFailure) -> LoadedConfiguration {
        func failure(_ text: String) -> ConfigurationFailure { ConfigurationFailure([.init(file, text)]) }
        guard bytes.count <= maxFileSize else { throw failure("larger than 1MiB, which a config file must not be") }
        guard let text = EncodedText.decode(bytes) else {
            throw failure("is neither UTF-8 nor UTF-16 or UTF-32 with a mark")
        }
        var reader = ConfigurationReader(file: file)
        reader.read(text)
        let problems = reader.problems.sorted
        guard problems.isEmpty else { throw ConfigurationFailure(problems) }
        return reader.loaded
    }

    private static func read(_ path: String) throws(ConfigurationFailure) -> [UInt8] {
        func failure() -> ConfigurationFailure {
            ConfigurationFailure([.init(path, "cannot be read: \(String(cString: strerror(errno)))")])
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= maxFileSize {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure() }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return bytes
    }
}
