import Foundation
import Simulation

let arguments = Array(CommandLine.arguments.dropFirst())
#if CONND_PLANTED_FAULTS
    if arguments.first?.hasPrefix("--fault") == true { exit(FaultTable.main(arguments)) }
#endif
exit(SimulateCommand.main(arguments))
