import Foundation
import ForwardProxy
import Reactor
import Upstream

/// Reads those of the kernel's settings that connd goes by, now and then and on a worker thread, and tells the data
/// loop. An actor.
actor KernelWatch {
    private let mailbox: LoopMailbox
    private let workers = WorkerPool(limit: 1)
    /// net.ipv4.tcp_slow_start_after_idle of this network namespace; nil until it was read, and where it cannot be.
    private(set) var slowStartAfterIdle: Bool?

    private static let pause = Duration.seconds(30)

    init(mailbox: LoopMailbox) {
        self.mailbox = mailbox
    }

    /// Until its task is cancelled.
    func run() async {
        while !Task.isCancelled {
            await read()
            try? await Task.sleep(for: Self.pause)
        }
    }

    func read() async {
        let text = await withCheckedContinuation { continuation in
            workers.run {
                continuation.resume(
                    returning: try? String(
                        contentsOfFile: "/proc/sys/net/ipv4/tcp_slow_start_after_idle", encoding: .utf8))
            }
        }
        let isOn = text.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) != "0" }
        guard isOn != slowStartAfterIdle else { return }
        slowStartAfterIdle = isOn
        // As the kernel has it unless told otherwise.
        await mailbox.run { $0.upstream.slowStartAfterIdle = isOn ?? true }
    }
}
