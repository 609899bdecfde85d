import ArgumentParser
import Artefacts
import Foundation
import KernelDevices
import PortContracts

struct ContractsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "contracts", abstract: "Holds what the service expects of a kernel against one.",
        discussion: """
            Each contract is one thing that is true of configfs, of USB device controllers, of the nbd driver \
            or of uevents. They hold on the simulated kernel (which the tests check), and on this machine's own, \
            which needs root, nbd, libcomposite and two free controllers:

              mediarig contracts
              mediarig rig run dummy-hcd-vm -- mediarig contracts --on kernel

            Exit status: 0 all hold; 1 one is broken; 2 usage; 6 the machine lacks something.
            """)

    enum Subject: String, ExpressibleByArgument, CaseIterable {
        case simulation, kernel
    }

    @Option(help: "What to hold them against.")
    var on = Subject.simulation

    @Option(help: ArgumentHelp("Only contracts whose area or name has this in it.", valueName: "text"))
    var only: String?

    @Option(help: "How to reach the kernel's nbd driver; by ioctl, what only netlink can do is left out.")
    var nbd = KernelNBDDriver.Mode.netlink

    @Flag(help: "List them and end.")
    var list = false

    @Flag(help: "Print JSON instead of text.")
    var json = false

    @Option(help: ArgumentHelp("Write JUnit XML here.", valueName: "file"))
    var junit: String?

    func run() async throws {
        let contracts = PortContract.all.filter { contract in
            let isWanted = only.map { "\(contract.area.rawValue): \(contract.name)".contains($0) } ?? true
            return isWanted && (nbd == .netlink || !contract.needsNetlink)
        }
        guard !contracts.isEmpty else { throw ValidationError("--only: no contract has that in its name") }
        if list {
            for contract in contracts { print("\(contract.area.rawValue): \(contract.name)") }
            return
        }
        let site: ContractSite
        switch on {
        case .simulation: site = await .simulation()
        case .kernel:
            do throws(ContractSiteFailure) { site = try await .kernel(nbd) } catch {
                Console.complain("\(error)")
                throw ExitCode(ExitStatus.environmentMissing.rawValue)
            }
        }
        let isQuiet = json
        let results = await ContractRun.hold(contracts, against: site.subject) { result in
            if !isQuiet { print(ContractReport.line(result)) }
        }
        await site.end()
        if json {
            print(try ContractReport.json(results, on: on.rawValue))
        } else {
            print(ContractReport.summary(results, on: on.rawValue))
        }
        if let junit { try ReportFile.write(ContractReport.junit(results, on: on.rawValue), to: junit) }
        if results.contains(where: { $0.breach != nil }) { throw ExitCode(ExitStatus.failed.rawValue) }
    }
}

extension KernelNBDDriver.Mode: ExpressibleByArgument {}
