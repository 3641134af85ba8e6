import ForwardProxy
import Metering
import ProcessOutput
import ProxyTypes

/// Counts of lines that either log has dropped. Shared.
struct DroppedLines: Sendable {
    let log: LossTally
    let accessLog: AccessLog

    func counted(in metrics: ProxyMetrics) -> ProxyMetrics {
        var counted = metrics
        for loss in LineLoss.allCases {
            counted.droppedLogLines[loss] = log[loss]
            counted.droppedAccessLogLines[loss] = accessLog.lost(loss)
        }
        return counted
    }
}
