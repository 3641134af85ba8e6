package import ProxyTypes

extension RunEnd {
    /// From the variables of ExecStopPost= (systemd.exec(5)): SERVICE_RESULT and EXIT_STATUS.
    package init(environment: [String: String]) {
        switch environment["SERVICE_RESULT"] {
        case "success": self = .stopped
        case "exit-code": self = .failed
        case "signal": self = Self.signalsOfCrashes.contains(environment["EXIT_STATUS"] ?? "") ? .crashed : .killed
        case "core-dump": self = .crashed
        case "watchdog": self = .watchdog
        case "timeout": self = .timeout
        case "oom-kill": self = .outOfMemory
        default: self = .unknown
        }
    }

    /// Where core dumps are disabled, systemd reports `signal` for a crash too.
    private static let signalsOfCrashes: Set<String> = ["ABRT", "BUS", "FPE", "ILL", "SEGV", "SYS", "TRAP"]
}
