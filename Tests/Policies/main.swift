import Foundation

exit(PoliciesCommand.main(Array(CommandLine.arguments.dropFirst())))
