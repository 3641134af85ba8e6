import CLinux
import ConfigurationFile
import ArgumentParser

#if canImport(Glibc)
    import Glibc
#endif

@main
struct Connd {
    static func main() {
        Signals.block()
        clinux_bound_heaps(2)
        let options = CommandLineOptions.parseOrExit()
        options.runConfigurationActions()
        do {
            let loaded = try options.load()
            let daemon = try Daemon(loaded, options: options)
            exit(daemon.run())
        } catch {
            var text = "\(error)".split(separator: "\n").map { "connd: \($0)\n" }.joined()
            _ = text.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            exit(1)
        }
    }
}
