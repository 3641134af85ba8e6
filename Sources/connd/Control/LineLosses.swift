import ForwardProxy
import Metering
import ProcessOutput
import ProxyTypes

/// What both logs have lost, as figures. Shared.
struct LineLosses: Sendable {
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
