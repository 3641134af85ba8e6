/// Numbers over time as one line of bars from 0 to their largest. Pure.
enum Sparkline {
    private static let blocks = Array("▁▂▃▄▅▆▇█")
    private static let letters = Array(".:-=+*#@")

    /// Nil is unknown and drawn as a blank.
    static func draw(_ values: [Double?], unicode: Bool) -> String {
        let signs = unicode ? blocks : letters
        let top = values.compactMap { $0 }.max() ?? 0
        return values.map { value in
            guard let value else { return " " }
            guard top > 0, value > 0 else { return String(signs[0]) }
            let step = Int((value / top * Double(signs.count - 1)).rounded(.up))
            return String(signs[min(max(step, 1), signs.count - 1)])
        }.joined()
    }
}
