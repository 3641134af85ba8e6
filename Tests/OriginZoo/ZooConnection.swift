import Learning

/// One connection of the simulated pool. Times in seconds. Reference.
package final class ZooConnection {
    var backend = 0
    var model = CloseModel.never
    /// Idle since.
    var since = 0.0
    var asked = 0.0
    var lag = 0.0
    var requests = 0
    var expires = 0.0
    /// The origin closes it then, and the FIN arrives a little later.
    var closesAt = Double.infinity
    var finAt = Double.infinity
    var lastSegment = 0.0
    var isIdle = false
    var isGone = false

    // The pool's.
    var retiresAt = 0.0
    var wakesAt = Double.infinity
    var isProbe = false
    var isPinged = false
    var hasToldMilestone = false
    /// Up to which age its idle period was told, in microseconds.
    var told: Int64 = 0
    /// Not used before: it may have been closed after its last response.
    var usableFrom = 0.0
}

/// A request on an idle connection that failed. Reference.
final class ZooFailure {
    let connection: ZooConnection
    let age: Double
    let sentAt: Double
    let sign: FailedReuse.Sign
    let isPost: Bool

    init(connection: ZooConnection, age: Double, sentAt: Double, sign: FailedReuse.Sign, isPost: Bool) {
        self.connection = connection
        self.age = age
        self.sentAt = sentAt
        self.sign = sign
        self.isPost = isPost
    }
}
