import AdminModels
import Learning
import ProxyTypes
import Tuning
import Upstream

extension WhatIfReport {
    init(_ origin: Origin, _ whatIf: WhatIf, asked: EffectiveSettings) {
        self.init()
        self.origin = origin.description
        observedMs = whatIf.observed.wholeMilliseconds
        observed = APIFormat.duration(milliseconds: observedMs)
        requests = whatIf.requests
        replayed = whatIf.replayed
        let settings = WhatIf.Settings(asked)
        let (now, then) = (whatIf.predict(whatIf.inForce), whatIf.predict(settings))
        inForce = WhatIfFiguresReport(now)
        self.asked = WhatIfFiguresReport(then)
        check = WhatIfCheckReport(whatIf.comparison)
        summary = WhatIfText.summary(from: now, to: then)
        notes = WhatIfText.notes(whatIf, asked: settings, then)
        if asked.minIdle > 0 { notes.append("min_idle is \(asked.minIdle): connections dialled ahead are left out") }
        if asked.pipelining != .off { notes.append("pipelining is on, and is left out") }
    }
}

extension WhatIfFiguresReport {
    init(_ prediction: WhatIf.Prediction) {
        self.init()
        let error = prediction.error
        reuseRatio = Self.rounded(prediction.reuse)
        reuseRatioError = Self.rounded(error.reuse)
        dialsPerHour = Self.rounded(prediction.dialsPerHour)
        dialsPerHourError = Self.rounded(prediction.hours > 0 ? error.dials / prediction.hours : 0)
        idle = Self.rounded(prediction.idle)
        idleError = Self.rounded(error.idle)
        busy = Self.rounded(prediction.busy)
        waitingRatio = Self.rounded(prediction.waiting)
        waitingRatioError = Self.rounded(error.waiting)
        wait = APIFormat.duration(microseconds: prediction.wait.microseconds)
        waitMs = APIFormat.milliseconds(prediction.wait.microseconds)
        refusedRatio = Self.rounded(prediction.refused)
        raceRatio = (prediction.races * 1e7).rounded() / 1e7
        overloaded = prediction.isOverloaded
    }

    static func rounded(_ value: Double) -> Double { (value * 10_000).rounded() / 10_000 }
}

extension WhatIfCheckReport {
    init(_ seen: WhatIf.Comparison) {
        self.init()
        predictedReuseRatio = WhatIfFiguresReport.rounded(seen.reuse.predicted)
        reuseRatio = WhatIfFiguresReport.rounded(seen.reuse.measured)
        predictedDials = seen.dials.predicted.rounded()
        dials = seen.dials.measured
        predictedIdle = WhatIfFiguresReport.rounded(seen.idle.predicted)
        idle = WhatIfFiguresReport.rounded(seen.idle.measured)
        predictedWaitingRatio = WhatIfFiguresReport.rounded(seen.waiting.predicted)
        waitingRatio = WhatIfFiguresReport.rounded(seen.waiting.measured)
    }
}

/// A prediction in words. Pure.
enum WhatIfText {
    /// What it costs and what it brings.
    static func summary(from now: WhatIf.Prediction, to then: WhatIf.Prediction) -> String {
        if then.isOverloaded {
            return "Requests would queue without end: more come than so few connections can serve."
        }
        var parts: [String] = []
        let dials = printed(then.dialsPerHour) - printed(now.dialsPerHour)
        if abs(dials) >= 0.5, abs(then.dials - now.dials) > 1 {
            parts.append("\(number(abs(dials))) new connections an hour \(dials < 0 ? "fewer" : "more")")
        }
        let idle = printed(then.idle) - printed(now.idle)
        if abs(idle) >= 0.05 { parts.append("\(number(abs(idle))) \(idle < 0 ? "fewer" : "more") idle sockets") }
        if then.waiting > now.waiting + 0.0005 {
            let wait = APIFormat.duration(microseconds: rounded(then.wait.microseconds))
            parts.append("\(percent(then.waiting)) of the requests would wait \(wait) on average")
        } else if then.waiting < now.waiting - 0.0005 {
            parts.append("\(percent(then.waiting)) of the requests would wait instead of \(percent(now.waiting))")
        }
        let races = then.races - now.races
        if abs(races) * 1e5 >= 0.5 {
            let text = number(abs(races) * 1e5)
            parts.append("\(text) \(races < 0 ? "fewer" : "more") of 100,000 requests would race the origin's close")
        }
        return parts.isEmpty ? "No difference that is worth telling." : parts.joined(separator: ", ") + "."
    }

    static func notes(_ whatIf: WhatIf, asked: WhatIf.Settings, _ prediction: WhatIf.Prediction) -> [String] {
        var notes: [String] = []
        if case .fixed(let age) = asked.idleTimeout {
            let known = whatIf.knowledge
            if let hinted = known.hinted, hinted < age, hinted <= known.limit ?? .infinite {
                notes.append(
                    "the origin's Keep-Alive field allows \(duration(hinted)): a longer idle_timeout gains nothing")
            } else if let limit = known.limit, limit < age {
                notes.append(
                    "the origin closes idle connections after \(duration(limit)), as was learned: a longer idle_timeout gains "
                        + "nothing, and requests may race that close")
            }
        }
        let age = asked.question(whatIf.knowledge).retire
        if age > Interval(nanoseconds: whatIf.observed.nanoseconds / 4) {
            notes.append(
                "recorded for \(duration(whatIf.observed)) only, which shows little of connections idle for \(duration(age))"
            )
        }
        if prediction.isOverloaded {
            notes.append(
                "\(number(whatIf.busy)) connections are busy on average: max_connections \(asked.maxConnections) are too few"
            )
        }
        if whatIf.endingShare > 0.01 {
            notes.append(
                "\(percent(whatIf.endingShare)) of the responses end their connection, whatever is set")
        }
        return notes
    }

    private static func duration(_ length: Interval) -> String { APIFormat.duration(microseconds: length.microseconds) }

    /// To three digits, as tables have it.
    private static func printed(_ value: Double) -> Double {
        let scale = value < 9.995 ? 100.0 : value < 99.95 ? 10 : 1
        return (value * scale).rounded() / scale
    }

    private static func rounded(_ microseconds: Int64) -> Int64 {
        microseconds < 100_000 ? microseconds : (microseconds + 500) / 1000 * 1000
    }

    static func percent(_ share: Double) -> String { number(share * 100) + " %" }

    /// Two significant digits, and whole numbers from 10 on.
    static func number(_ value: Double) -> String {
        let places = value >= 9.95 ? 1.0 : value >= 0.095 ? 10.0 : 100.0
        let rounded = (value * places).rounded() / places
        return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    }
}
