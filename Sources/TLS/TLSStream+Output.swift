import Reactor

/// What goes out. libssl takes it at once, except while a message of the protocol has come only in part.
extension TLSStream {
    /// ```
    ///   open ◀──▶ held ──▶ ended        open ──▶ ended
    /// ```
    enum Output {
        case open
        /// libssl takes output again when the rest of a message has come.
        case held(then: Next)
        /// close_notify has gone out.
        case ended

        enum Next {
            case more, shutdown, close
        }
    }

    private static let recordSize = 16_384

    package func write(_ bytes: UnsafeRawBufferPointer) {
        guard case .open(let engine) = state, !bytes.isEmpty else { return }
        switch output {
        case .open where engine.takesOutput:
            if let failure = engine.write(bytes) { breakDown(failure) }
        // The rest of the message will never come.
        case .open where !inputIsOpen: break
        case .open:
            output = .held(then: .more)
            held.append(bytes)
        case .held(.more): held.append(bytes)
        case .held(.shutdown), .held(.close), .ended: break
        }
    }

    /// In one record where both fit, and so in one segment.
    package func write(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) {
        let joined = min(second.count, Self.recordSize - first.count)
        guard joined > 0 else {
            write(first)
            return write(second)
        }
        library.joined.append(first)
        library.joined.append(UnsafeRawBufferPointer(rebasing: second[..<joined]))
        write(library.joined.bytes)
        library.joined.clear(keeping: Self.recordSize * 2)
        if joined < second.count { write(UnsafeRawBufferPointer(rebasing: second[joined...])) }
    }

    package func shutdownOutput() {
        switch (state, output) {
        case (.open(let engine), .open) where engine.takesOutput:
            output = .ended
            engine.sendCloseNotify()
            below.shutdownOutput()
        case (.open, .open) where !inputIsOpen:
            output = .ended
            below.shutdownOutput()
        case (.open, .open), (.open, .held(.more)): output = .held(then: .shutdown)
        case (.open, .held(.shutdown)), (.open, .held(.close)), (.open, .ended), (.closed, _): break
        case (.broken, _): below.shutdownOutput()
        }
    }

    /// A message may be whole now. Called from the loop.
    func writeHeld() {
        guard case .held(let next) = output, case .open(let engine) = state, engine.takesOutput else { return }
        output = .open
        let failure = engine.write(held.bytes)
        held.clear(keeping: 0)
        if let failure { return breakDown(failure) }
        goOn(next)
    }

    /// The rest of the message will never come.
    func dropHeld() {
        guard case .held(let next) = output, case .open = state else { return }
        output = .open
        held.clear(keeping: 0)
        goOn(next)
    }

    private func goOn(_ next: Output.Next) {
        switch next {
        case .more: break
        case .shutdown: shutdownOutput()
        case .close:
            let handler = handler
            if closeAfterOutput() { handler?.closed(.outputDone) }
            return
        }
        if below.isWritable { handler?.outputDrained() }
    }
}
