/// Writes series in Prometheus' text format 0.0.4: family headers, escaped labels, values. Value; knows no metric by
/// name.
struct SeriesWriter: ~Copyable {
    private(set) var bytes: [UInt8] = []
    private var name = ""
    /// HELP and TYPE of a family, written with its first series; a family without series is omitted.
    private var head: (type: String, help: String)?
    /// The first label of each series, as written; empty where there is none.
    private var subject: [UInt8] = []

    init(capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    consuming func finish() -> [UInt8] { bytes }

    mutating func begin(_ name: String, type: String, help: String) {
        self.name = name
        head = (type, help)
        subject = []
    }

    mutating func about(_ label: [UInt8]) {
        subject = label
    }

    static func label(_ key: String, _ value: String) -> [UInt8] {
        var out = Array(key.utf8)
        out.append(contentsOf: "=\"".utf8)
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): out.append(contentsOf: "\\\\".utf8)
            case UInt8(ascii: "\""): out.append(contentsOf: "\\\"".utf8)
            case UInt8(ascii: "\n"): out.append(contentsOf: "\\n".utf8)
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
        return out
    }

    private mutating func text(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func number(_ value: Int) {
        // On the stack, from the end, as a page has tens of thousands of numbers.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var rest = value.magnitude
            var start = 20
            repeat {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            if value < 0 { bytes.append(UInt8(ascii: "-")) }
            bytes.append(contentsOf: digits[start...])
        }
    }

    /// Millionths as a decimal fraction, without zeros at its end.
    private mutating func millionths(_ value: Int64) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        let magnitude = value.magnitude
        number(Int(magnitude / 1_000_000))
        var fraction = magnitude % 1_000_000
        guard fraction > 0 else { return }
        bytes.append(UInt8(ascii: "."))
        var place: UInt64 = 100_000
        while fraction > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(fraction / place))
            fraction %= place
            place /= 10
        }
    }

    /// Name and labels, up to the value.
    private mutating func open(_ suffix: String, _ labels: (key: String, value: String)?...) {
        writeHead()
        text(name)
        text(suffix)
        var separator = UInt8(ascii: "{")
        if !subject.isEmpty {
            bytes.append(separator)
            bytes.append(contentsOf: subject)
            separator = UInt8(ascii: ",")
        }
        for case .some(let label) in labels {
            bytes.append(separator)
            bytes.append(contentsOf: Self.label(label.key, label.value))
            separator = UInt8(ascii: ",")
        }
        text(separator == UInt8(ascii: "{") ? " " : "} ")
    }

    private mutating func writeHead() {
        guard let head else { return }
        self.head = nil
        text("# HELP \(name) ")
        for byte in head.help.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): text("\\\\")
            case UInt8(ascii: "\n"): text("\\n")
            default: bytes.append(byte)
            }
        }
        text("\n# TYPE \(name) \(head.type)\n")
    }

    private mutating func close() {
        bytes.append(UInt8(ascii: "\n"))
    }
}

extension SeriesWriter {
    mutating func value(
        _ value: Int, _ label: (key: String, value: String)? = nil, _ second: (key: String, value: String)? = nil
    ) {
        open("", label, second)
        number(value)
        close()
    }

    mutating func seconds(_ microseconds: Int64, _ label: (key: String, value: String)? = nil) {
        open("", label)
        millionths(microseconds)
        close()
    }

    /// Nothing where there is no whole.
    mutating func ratio(_ part: Int, of whole: Int) {
        guard whole > 0 else { return }
        open("")
        millionths(Int64((Double(part) / Double(whole) * 1_000_000).rounded()))
        close()
    }

    /// One series for each label that was counted, or for every one that there is.
    mutating func counts<Label>(
        _ counters: Counters<Label>, by key: String, every: Bool = false, _ name: (Label) -> String
    ) {
        for label in Label.allCases where every || counters[label] != 0 {
            value(counters[label], (key, name(label)))
        }
    }

    /// Nothing where nothing was recorded.
    mutating func histogram(_ histogram: Histogram, in buckets: BucketBounds, every: Bool = false) {
        guard every || !histogram.isEmpty else { return }
        writeHead()
        // All lines of a histogram begin alike.
        let from = bytes.count
        open("_bucket", ("le", ""))
        let prefix = Array(bytes[from..<(bytes.count - 3)])
        bytes.removeLast(bytes.count - from)
        for bound in buckets.bounds {
            bytes.append(contentsOf: prefix)
            bytes.append(contentsOf: bound.text)
            number(histogram.count(belowOctave: bound.octave))
            close()
        }
        bytes.append(contentsOf: prefix)
        text("+Inf\"} ")
        number(histogram.count)
        close()
        open("_sum")
        if buckets.isTime { millionths(histogram.sum) } else { number(Int(histogram.sum)) }
        close()
        open("_count")
        number(histogram.count)
        close()
    }
}
