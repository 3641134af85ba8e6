import AdminModels

/// The phases of an exchange as bars on one axis of time. Pure.
enum Waterfall {
    /// These phases are part of the time in the queue.
    private static let nested = ["dns", "connect", "tls"]

    static func lines(_ phases: [PhaseReport], totalMs: Double, columns: Int, unicode: Bool) -> [String] {
        let labels = phases.map { (nested.contains($0.phase) ? "  " : "") + SafeText.line($0.phase) }
        let times = phases.map { Formatting.duration(ms: $0.durationMs) }
        let left = labels.map { DisplayWidth.of($0) }.max() ?? 0
        let right = times.map { DisplayWidth.of($0) }.max() ?? 0
        let room = max(columns - left - right - 6, 10)
        let end = max(totalMs, phases.map { $0.startMs + $0.durationMs }.max() ?? 0)
        return phases.indices.map { index in
            let label = labels[index] + spaces(left - DisplayWidth.of(labels[index]))
            let bar = bar(phases[index], end: end, room: room, sign: unicode ? "█" : "#")
            return "  \(label)  \(bar)  \(spaces(right - times[index].count))\(times[index])"
        }
    }

    /// What takes any time is one column wide at least, and none leaves the axis.
    private static func bar(_ phase: PhaseReport, end: Double, room: Int, sign: String) -> String {
        guard end > 0, phase.durationMs > 0, phase.startMs >= 0, (phase.startMs + phase.durationMs).isFinite else {
            return spaces(room)
        }
        let scale = Double(room) / end
        let first = min(Int((phase.startMs * scale).rounded()), room - 1)
        let last = min(max(Int(((phase.startMs + phase.durationMs) * scale).rounded()), first + 1), room)
        return spaces(first) + String(repeating: sign, count: last - first) + spaces(room - last)
    }

    private static func spaces(_ count: Int) -> String {
        String(repeating: " ", count: max(count, 0))
    }
}
