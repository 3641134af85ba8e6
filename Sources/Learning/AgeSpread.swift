/// How ages lie in a bucket of a histogram, as parts of its width, from 0 to 1. Value.
struct AgeSpread: BitwiseCopyable, Sendable {
    var mean: Double
    var deviation: Double

    /// Evenly spread ages deviate by 0.29.
    private static let crowded = 0.25

    /// The part of the ages that is below `place`, and the mean of those.
    func below(_ place: Double) -> (part: Double, mean: Double) {
        guard place < 1 else { return (1, mean) }
        let slope = 6 * (mean - 0.5)
        if deviation >= Self.crowded, abs(slope) <= 1 {
            // A density that rises or falls evenly and has this mean.
            return (place + slope * (place * place - place), min(place / 2, mean))
        }
        // As that of one cron job: evenly about the mean.
        let half = max(deviation * 1.732, 1e-4)
        let part = min(max((place - mean + half) / (2 * half), 0), 1)
        return (part, part < 1 ? (max(mean - half, 0) + place) / 2 : mean)
    }
}
