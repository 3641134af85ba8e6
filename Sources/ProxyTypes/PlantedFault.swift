#if CONND_PLANTED_FAULTS
    /// Faults that the simulation must find, planted one at a time (`make simulate FAULTS=1`). No other build contains
    /// them.
    package enum PlantedFault: String, CaseIterable, Sendable {
        // Reactor
        case readingNotResumedAfterPause = "reading is not resumed after a pause"
        case restForgottenAfterTurn = "what is left to read after a stream's turn is forgotten"
        case endBehindDataLost = "an end that came together with data is lost"
        case secondPartLost = "the second of two parts is lost where the kernel took not even the first"
        case drainNotTold = "nobody is told that the output has drained"
        case finBeforeTheRest = "FIN goes out before the rest of the output"
        case resetIsAnEnd = "a reset is sent as an end"
        case closedStreamKept = "a closed stream is never released"
        case timerNotRearmed = "a timer that came early is not armed again"
        // TLS
        case sessionOutlivesFiles = "a session is resumed although the files have changed"
        case ticketUsedTwice = "a ticket is used twice"
        case sessionWaiterForgotten = "a handshake waits for a session although the one ahead has failed"
        case turnForgotten = "a handshake that waits for its turn is forgotten"
        case pinsNotChecked = "any key will do for tls_pin"
        case endWhilePausedNotTold = "an end that came while a TLS stream was paused is not told"
        case lateTicketIsNoise = "a ticket on an idle connection is taken for noise"
        // Upstream
        case unprovenEndBelieved = "an end without close_notify makes a body whole"
        case closeNotifyNotAskedFor = "a POST is sent onto a connection whose close_notify has come"
        case alertRetried = "a request that was answered by an alert is sent again"
        case handshakeOutlivesDial = "a dial that is cancelled leaves its handshake behind"
        case filesChangeUnnoticed = "connections are kept although the files of their profile have changed"
        case leftoverServedToNext = "bytes behind a response begin the next one"
        case resetEndsBody = "a reset ends a body that lasts until the close"
        case pauseOutlivesExchange = "a connection stays paused when its slow reader has gone"
        case abandonedIsReused = "a connection is used again although its response was not read"
        case failedDialNotTold = "nobody is told that a dial has failed"
        case secondLookUpForgotten = "who joins a look-up is not told its answer"
        case tunnelEndNotPassedOn = "the end of a tunnel's one side is not passed on"
        case endNotAskedFor = "a POST is sent onto a connection whose end has come and was not read"
        case headersTimeoutNotSet = "an origin has no time limit for its response head"
        // HTTPWire
        case postRetried = "a POST is sent again"
        case retriesUncounted = "retries are not bounded by max_retries"
        case retryBudgetForgotten = "retries forget the budget"
        case cutBodyIsWhole = "the end of the connection makes any body whole"
        // Pooling
        case budgetNotGivenBack = "a connection that closes keeps its place in the limits"
        case limitNotLookedAt = "max_connections is not looked at"
        case queueBoundOffByOne = "one more waits than max_queue allows"
        case lastComeFirstServed = "whoever came last is served first"
        case pinnedIsShared = "a connection that belongs to a client serves another"
        case waiterForgottenByFailedDial = "waiters are forgotten when a dial fails"
        case drainForgetsDial = "a drain forgets the connections that are being dialled"
        // ForwardProxy
        case answersOvertake = "an answer goes out before those of earlier requests"
        case waiterOutlivesClient = "a request goes on waiting when its client has gone"
        case expectationNotLifted = "a client that expects 100 is not read on"
        case bodyNotPaused = "a client is read on although its origin takes nothing"
        case cutEndsWithFin = "a cut response ends the client's connection with FIN"

        /// The fault that is planted. Set before the run, on its thread.
        nonisolated(unsafe) package static var active: PlantedFault?

        @inline(__always)
        package static func isActive(_ fault: PlantedFault) -> Bool { active == fault }
    }
#endif
