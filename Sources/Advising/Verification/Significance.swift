#if canImport(Glibc)
    import Glibc
#endif

/// How likely a difference would be by chance alone: one-sided probabilities. No state.
package enum Significance {
    /// That a share as low as `b`'s, or lower, comes about where `a`'s share is the true one of both. 1 without data.
    ///
    /// Fisher's exact test where a cell of the table would be expected to hold fewer than ten; else the normal
    /// approximation with Yates's correction.
    package static func isLower(_ b: (hits: Int, of: Int), than a: (hits: Int, of: Int)) -> Double {
        guard a.of > 0, b.of > 0 else { return 1 }
        let (hits, all) = (Double(a.hits + b.hits), Double(a.of + b.of))
        let expected = [hits, all - hits].map { $0 * Double(min(a.of, b.of)) / all }
        if (expected.min() ?? 0) < 10 { return exactly(b, a) }
        let mean = Double(b.of) * hits / all
        let spread = (mean * (all - hits) / all * Double(a.of) / (all - 1)).squareRoot()
        return normal(above: (mean - Double(b.hits) - 0.5) / spread)
    }

    /// The hypergeometric tail: so many hits, or fewer, among `b` of all.
    private static func exactly(_ b: (hits: Int, of: Int), _ a: (hits: Int, of: Int)) -> Double {
        let (hits, all) = (a.hits + b.hits, a.of + b.of)
        let least = max(0, hits - a.of)
        guard b.hits >= least else { return 0 }
        let whole = choose(all, b.of)
        // A tail of more terms than this has a normal approximation that is as good.
        let first = max(least, b.hits - 2000)
        let sum = (first...b.hits).reduce(0.0) { sum, number in
            sum + exp(choose(hits, number) + choose(all - hits, b.of - number) - whole)
        }
        return min(sum, 1)
    }

    /// The logarithm of the binomial coefficient.
    private static func choose(_ all: Int, _ some: Int) -> Double {
        guard some >= 0, some <= all else { return -.infinity }
        return logFactorial(all) - logFactorial(some) - logFactorial(all - some)
    }

    /// Stirling's series, exact to twelve digits; small numbers as they are.
    private static func logFactorial(_ number: Int) -> Double {
        if number < 20 { return (1...max(number, 1)).reduce(0.0) { $0 + log(Double($1)) } }
        let x = Double(number) + 1
        return (x - 0.5) * log(x) - x + 0.918938533204672742 + 1 / (12 * x) - 1 / (360 * x * x * x)
    }

    /// That times as low as `b`'s come about where both are alike (Mann and Whitney, with corrections for ties and
    /// continuity), and the share of pairs in which `b`'s is the lower: a half where they are alike.
    package static func areLower(_ b: Tally, than a: Tally) -> (probability: Double, share: Double) {
        let (first, second) = (Double(a.count), Double(b.count))
        guard first > 0, second > 0 else { return (1, 0.5) }
        let all = first + second
        var (below, wins, ties) = (0.0, 0.0, 0.0)
        var (left, right) = (a.buckets[...], b.buckets[...])
        while let bound = [left.first?.bound, right.first?.bound].compactMap({ $0 }).min() {
            let mine = left.first.flatMap { $0.bound == bound ? Double(left.removeFirst().count) : nil } ?? 0
            let other = right.first.flatMap { $0.bound == bound ? Double(right.removeFirst().count) : nil } ?? 0
            wins += mine * (below + other / 2)
            below += other
            let tied = mine + other
            ties += tied * (tied * tied - 1)
        }
        let pairs = first * second
        let spread = (pairs / 12 * (all + 1 - ties / (all * max(all - 1, 1)))).squareRoot()
        guard spread > 0 else { return (1, 0.5) }
        return (normal(above: (wins - pairs / 2 - 0.5) / spread), wins / pairs)
    }

    /// The standard normal distribution's upper tail.
    static func normal(above z: Double) -> Double { z.isNaN ? 1 : erfc(z / 2.0.squareRoot()) / 2 }
}
