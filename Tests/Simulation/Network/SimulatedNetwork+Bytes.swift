import ProxyTypes

#if canImport(Glibc)
    import Glibc
#endif

/// The transfer of bytes, FIN and RST along a connection, as TCP on Linux does it. In each direction one segment at a
/// time is in flight.
extension SimulatedNetwork {
    // MARK: Calls of a host

    func write(_ link: Link, _ end: End, _ bytes: UnsafeRawBufferPointer) {
        end.output.write(bytes)
        pump(link, end)
    }

    /// FIN behind what was written.
    func finish(_ link: Link, _ end: End) {
        guard case .open = end.output.ending else { return }
        end.output.ending = .finishing
        pump(link, end)
    }

    /// Its owner closes it, as with close().
    func release(_ link: Link, _ end: End, withReset: Bool) {
        let phase = end.phase
        end.phase = .released
        end.owner = .nobody
        switch phase {
        case .connecting:
            link.phase = .failed
            link.acceptor.phase = .released
        case .established:
            // As in Linux, unread bytes cause a RST, so that the peer knows that they were not received.
            if withReset || end.input.unread > 0 { abort(link, end) } else { finish(link, end) }
            end.input.consume(end.input.unread)
            pump(link, link.opposite(end))
        case .dead, .released: break
        }
        retire(link)
    }

    /// Its host restarts silently, and answers what still arrives with RST.
    func vanish(_ link: Link, _ end: End) {
        end.phase = .released
        end.owner = .nobody
        end.output.dropWaiting()
        end.input.consume(end.input.unread)
        pump(link, link.opposite(end))
        retire(link)
    }

    /// Its host is gone and answers nothing: the other one finds out when it gives up sending, if it sends.
    func fallSilent(_ link: Link, _ end: End) {
        link.isSilent = true
        end.phase = .released
        end.owner = .nobody
        end.output.dropWaiting()
        end.input.consume(end.input.unread)
        retire(link)
    }

    /// Bytes were read, so the receive window has grown.
    func consumed(_ link: Link, _ end: End) { pump(link, link.opposite(end)) }

    /// RST; bytes that were not sent yet are lost.
    private func abort(_ link: Link, _ end: End) {
        let output = end.output
        if case .cut = output.ending {
            // It was given up in silence, and the other host does not know yet.
            guard case .established = link.opposite(end).phase else { return }
        }
        // Both directions have ended, so a RST would change nothing.
        if output.finHasArrived, end.input.finHasArrived { return }
        output.dropWaiting()
        output.ending = .resetting(finHadArrived: output.finHasArrived)
        pump(link, end)
    }

    // MARK: In flight

    func pump(_ link: Link, _ end: End) {
        let output = end.output
        guard case .open = link.phase, case .nothing = output.flight else { return }
        let path = link.path.path
        switch output.ending {
        case .open, .finishing:
            if output.unsent > 0 {
                let size = segmentSize(link, end, path)
                guard size > 0 else { return }
                output.flight = .bytes(end: output.arrived + size, growing: random.below(4) == 0)
                depart(link, end, path, size)
            } else if case .finishing = output.ending {
                output.flight = .fin
                depart(link, end, path, 0)
            }
        case .resetting:
            output.flight = .reset
            depart(link, end, path, 0)
        case .finished, .cut:
            break
        }
    }

    private func depart(_ link: Link, _ end: End, _ path: Path, _ size: Int) {
        var time = now
        if path.bytesPerSecond > 0 {
            let duration = Int64(size + 40) * 1_000_000_000 / Int64(path.bytesPerSecond)
            time = max(time, end.output.lineIsFree) + Interval(nanoseconds: duration)
            end.output.lineIsFree = time
        }
        queue.add(.arrival(link: link.index, fromDialler: end.isDialler), at: time + latency(path))
    }

    private func segmentSize(_ link: Link, _ end: End, _ path: Path) -> Int {
        let isTaken = if case .established = link.opposite(end).phase { true } else { false }
        let most = isTaken ? min(end.output.unsent, end.output.window) : end.output.unsent
        guard most > 1 else { return most }
        let segment = min(most, Path.segment * 10)
        switch path.cuts {
        case .whole: return segment
        case .sometimes: return random.below(4) == 0 ? 1 + random.below(segment) : segment
        case .small: return 1 + random.below(min(segment, 64))
        case .singleBytes: return random.below(64) == 0 ? segment : 1
        }
    }

    func arrived(_ link: Link, _ sender: End) {
        let output = sender.output
        let path = link.path.path
        if path.isSilent || link.isSilent { return park(link, sender, path) }
        trace.events += 1
        let receiver = link.opposite(sender)
        // What arrives is acknowledged at once.
        (receiver.lastHeard, sender.lastHeard) = (now, now)
        let flight = output.flight
        output.flight = .nothing
        switch flight {
        case .nothing:
            return
        case .bytes(let place, let growing):
            let end = growing ? output.arrived + max(segmentSize(link, sender, path), place - output.arrived) : place
            arrive(link, from: sender, at: receiver, upTo: end)
        case .fin:
            finArrives(link, from: sender, at: receiver)
        case .reset:
            resetArrives(link, from: sender, at: receiver)
        }
        pump(link, sender)
        retire(link)
    }

    private func arrive(_ link: Link, from sender: End, at receiver: End, upTo place: Int) {
        let output = sender.output
        let before = output.unread
        output.arrive(upTo: place)
        let fresh = UnsafeRawBufferPointer(rebasing: output.unreadBytes[before...])
        trace.mix(Int(link.index) << 1 | (sender.isDialler ? 1 : 0))
        trace.mix(Int(now.nanoseconds))
        trace.mix(fresh)
        // The last bytes and the end may come in one segment.
        var hasFin = false
        if output.unsent == 0, case .finishing = output.ending, random.below(2) == 0 {
            output.ending = .finished
            hasFin = true
        }
        trace.note(name(of: sender.local)) {
            "→ \(name(of: receiver.local)) \(Trace.preview(fresh))\(hasFin ? " and FIN" : "")"
        }
        guard case .established = receiver.phase else {
            output.consume(output.unread)
            // Nothing reads it any more.
            if receiver.isReleased { abort(link, receiver) }
            return
        }
        tell(receiver, .bytes)
        if hasFin { tell(receiver, .end) }
        tellSpace(sender)
    }

    private func tellSpace(_ sender: End) {
        switch sender.owner {
        case .kernel(let socket):
            guard sender.wantsSpace, sender.output.space >= sender.output.sendLimit / 3 else { return }
            sender.wantsSpace = false
            socket.wake()
        case .peer(let peer):
            if sender.output.unsent == 0 { peer.outputTaken() }
        case .nobody: break
        }
    }

    private func finArrives(_ link: Link, from sender: End, at receiver: End) {
        trace.mix(Int(link.index) << 4 | 2)
        trace.note(name(of: sender.local)) { "→ \(name(of: receiver.local)) FIN" }
        sender.output.ending = .finished
        if case .established = receiver.phase { tell(receiver, .end) }
    }

    private func resetArrives(_ link: Link, from sender: End, at receiver: End) {
        trace.mix(Int(link.index) << 4 | 3)
        trace.note(name(of: sender.local)) { "→ \(name(of: receiver.local)) RST" }
        let finHadArrived = if case .resetting(true) = sender.output.ending { true } else { false }
        sender.output.ending = .cut(finHadArrived: finHadArrived)
        if finHadArrived, receiver.output.finHasArrived { return }
        fail(receiver, finHadArrived ? EPIPE : ECONNRESET)
    }

    private func fail(_ end: End, _ code: CInt) {
        end.output.flight = .nothing
        end.output.dropWaiting()
        end.output.cut()
        guard case .established = end.phase else { return }
        end.phase = .dead
        end.pendingError = code
        tell(end, .reset)
    }

    private enum Notification {
        case bytes, end, reset
    }

    private func tell(_ end: End, _ notification: Notification) {
        switch end.owner {
        case .kernel(let socket): socket.wake()
        case .peer(let peer):
            switch notification {
            case .bytes: peer.bytesArrived()
            case .end: peer.endArrived()
            case .reset: peer.resetArrived()
            }
        case .nobody: break
        }
    }

    // MARK: Silence

    private func park(_ link: Link, _ sender: End, _ path: Path) {
        let met = sender.output.nextSilence()
        let patience =
            sender.userTimeout > 0
            ? min(.milliseconds(Int64(sender.userTimeout)), path.retransmissionsEnd) : path.retransmissionsEnd
        link.path.parked.append(link.index)
        queue.add(
            .givenUp(link: link.index, fromDialler: sender.isDialler, attempt: met),
            at: now + patience)
    }

    func givenUp(_ link: Link, _ sender: End, _ attempt: UInt32) {
        guard sender.output.silenceMet == attempt else { return }
        trace.events += 1
        trace.note(name(of: sender.local)) { "gives up on \(name(of: sender.remote)), which is silent" }
        sender.output.silenceMet = nil
        fail(sender, ETIMEDOUT)
        retire(link)
    }
}

extension Trace {
    /// The first line, or how many bytes.
    static func preview(_ bytes: UnsafeRawBufferPointer) -> String {
        let line = bytes.prefix { $0 != 13 && $0 != 10 }.prefix(72)
        let isText = line.allSatisfy { $0 >= 32 && $0 < 127 }
        let text = isText && line.count > 0 ? " “\(String(decoding: line, as: UTF8.self))”" : ""
        return bytes.count == 1 ? "1 byte\(text)" : "\(bytes.count) bytes\(text)"
    }
}
