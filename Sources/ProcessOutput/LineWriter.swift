import Dispatch
import Glibc
package import ProxyTypes
import Synchronization

/// Writes the lines of a log, in order, on a separate thread: adding a line never blocks, even when the reader hangs.
/// Lines without room are dropped and counted, and the gap is reported when lines can be written again. Shared.
///
/// The descriptor is not made non-blocking, as other processes may share it, and `O_NONBLOCK` with it. The writer's
/// thread may therefore hang in write(2) forever; `flush` gives up on it.
package final class LineWriter: Sendable {
    package enum Target: Sendable {
        /// Writes several lines at once, up to `chunk` bytes, but at least one.
        case descriptor(CInt, chunk: Int)
        /// Sends each line as a datagram. Never blocks; false where it was refused.
        case datagrams(@Sendable (UnsafeRawBufferPointer) -> Bool)
    }

    /// How a gap is reported.
    package enum LossNotice: Sendable {
        /// As a line in place of the lost ones.
        case line(@Sendable (Int) -> [UInt8])
        /// Elsewhere: when writing begins to fail, and again when lines are written or the writer is retired.
        case elsewhere(@Sendable (Int) -> Void)
    }

    private struct State {
        var queue: LineQueue
        var isScheduled = false
        /// Lines of the batch being written.
        var inFlight = 0
        var progress = Progress()
        /// Once retired: when the remaining lines are abandoned.
        var deadline = Instant.distantFuture
    }

    /// State carried from one batch to the next.
    private struct Progress {
        /// Lost lines that have not been reported yet.
        var unreported = 0
        var lastWriteSucceeded = true
        /// Whether the current failure has been reported elsewhere.
        var failureIsReported = false
        /// Whether the end of the last line is missing.
        var isMidLine = false
    }

    private let state: Mutex<State>
    private let target: Target
    private let tally: LossTally
    private let notice: LossNotice
    private let delay: DispatchTimeInterval?
    private let queue: DispatchQueue

    /// `delay`: how long lines are collected before they are written.
    package init(
        _ target: Target, name: String, limit: LineLimit, delay: Interval = .zero, tally: LossTally,
        notice: LossNotice
    ) {
        self.target = target
        self.tally = tally
        self.notice = notice
        self.delay = delay > .zero ? .nanoseconds(Int(delay.nanoseconds)) : nil
        state = Mutex(State(queue: LineQueue(limit: limit)))
        queue = DispatchQueue(label: name)
    }

    // MARK: On any thread

    /// Adds the line that `append` appends to the buffer.
    package func add(_ append: (inout [UInt8]) -> Void) {
        let (isQueued, schedules) = state.withLock { state in
            let isQueued = state.queue.add(append)
            defer { state.isScheduled = true }
            return (isQueued, !state.isScheduled)
        }
        if !isQueued { tally.add(1, .queueFull) }
        guard schedules else { return }
        if let delay {
            queue.asyncAfter(deadline: .now() + delay) { self.drain() }
        } else {
            queue.async { self.drain() }
        }
    }

    /// Waits until everything added has been written, for `interval` at most. Returns the number of lines that have
    /// not.
    @discardableResult
    package func flush(within interval: Interval) -> Int {
        let done = DispatchSemaphore(value: 0)
        queue.async {
            self.drain()
            done.signal()
        }
        _ = done.wait(timeout: .now() + .nanoseconds(Int(interval.nanoseconds)))
        return state.withLock { $0.inFlight + $0.queue.count }
    }

    /// To be called after the last line. Writes what is pending, unless that takes longer than `timeout`; then calls
    /// `end`. Returns immediately.
    package func retire(timeout: Interval, _ end: @escaping @Sendable () -> Void) {
        state.withLock { $0.deadline = Self.now() + timeout }
        queue.async {
            self.drain()
            self.reportRemainingLoss()
            end()
        }
    }

    // MARK: On the writer's thread

    private func drain() {
        while let (batch, before) = next() {
            var progress = before
            write(batch, &progress)
            state.withLock { $0.progress = progress }
        }
    }

    private func next() -> (LineQueue.Batch, Progress)? {
        state.withLock { state in
            state.inFlight = 0
            guard let batch = state.queue.take() else {
                state.isScheduled = false
                return nil
            }
            state.inFlight = batch.ends.count
            return (batch, state.progress)
        }
    }

    private func write(_ batch: LineQueue.Batch, _ progress: inout Progress) {
        progress.unreported += batch.lostBefore
        var (start, line) = (0, 0)
        while line < batch.ends.count {
            let last = lastLine(of: batch, from: line, start: start)
            let end = batch.ends[last]
            let written = batch.bytes.withUnsafeBytes { bytes in
                put(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), &progress)
            }
            if written < end - start {
                let lost = (line...last).count { batch.ends[$0] > start + written }
                progress.unreported += lost
                tally.add(lost, isPastDeadline ? .leftBehind : .writeFailed)
            }
            if case .elsewhere = notice { reportLoss(&progress) }
            (start, line) = (end, last + 1)
            state.withLock { $0.inFlight = batch.ends.count - line }
        }
        if batch.ends.isEmpty { reportLoss(&progress) }
    }

    /// The last line that fits into the same write.
    private func lastLine(of batch: LineQueue.Batch, from line: Int, start: Int) -> Int {
        guard case .descriptor(_, let chunk) = target else { return line }
        var last = line
        while last + 1 < batch.ends.count, batch.ends[last + 1] - start <= chunk { last += 1 }
        return last
    }

    /// Writes whole lines. Returns how many bytes were written.
    private func put(_ bytes: UnsafeRawBufferPointer, _ progress: inout Progress) -> Int {
        if case .line = notice, !reportLoss(&progress) { return 0 }
        guard endLine(&progress) else { return 0 }
        return send(bytes, &progress)
    }

    /// Reports lost lines, if there are any. False if that is not possible now.
    @discardableResult
    private func reportLoss(_ progress: inout Progress) -> Bool {
        if progress.lastWriteSucceeded { progress.failureIsReported = false }
        guard progress.unreported > 0 else { return true }
        switch notice {
        case .line(let make):
            let line = make(progress.unreported)
            guard endLine(&progress), line.withUnsafeBytes({ send($0, &progress) }) == line.count else { return false }
        case .elsewhere(let report):
            guard progress.lastWriteSucceeded || !progress.failureIsReported else { return false }
            progress.failureIsReported = !progress.lastWriteSucceeded
            report(progress.unreported)
        }
        progress.unreported = 0
        return true
    }

    /// Reports a gap at the end, after which no line follows.
    private func reportRemainingLoss() {
        guard case .elsewhere(let report) = notice else { return }
        let unreported = state.withLock { state in
            defer { state.progress.unreported = 0 }
            return state.progress.unreported
        }
        if unreported > 0 { report(unreported) }
    }

    /// Ends a line that was cut, so that the next one is not appended to it.
    private func endLine(_ progress: inout Progress) -> Bool {
        guard progress.isMidLine else { return true }
        guard [UInt8(ascii: "\n")].withUnsafeBytes({ send($0, &progress) }) == 1 else { return false }
        progress.isMidLine = false
        return true
    }

    private func send(_ bytes: UnsafeRawBufferPointer, _ progress: inout Progress) -> Int {
        var written = 0
        switch target {
        case .datagrams(let send): written = send(bytes) ? bytes.count : 0
        case .descriptor(let descriptor, _):
            while written < bytes.count, !isPastDeadline {
                let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
                if count < 0, errno == EINTR { continue }
                if count < 0, errno == EAGAIN {
                    Self.waitForRoom(descriptor)
                    continue
                }
                guard count > 0 else { break }
                written += count
            }
            if written > 0 { progress.isMidLine = bytes[written - 1] != UInt8(ascii: "\n") }
        }
        progress.lastWriteSucceeded = written == bytes.count
        return written
    }

    private var isPastDeadline: Bool {
        let end = state.withLock { $0.deadline }
        return end != .distantFuture && Self.now() >= end
    }

    /// Waits a short time only, since the deadline may pass.
    private static func waitForRoom(_ descriptor: CInt) {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&entry, 1, 100)
    }

    private static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
