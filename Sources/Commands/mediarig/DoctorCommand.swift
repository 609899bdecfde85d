import ArgumentParser
import Capabilities
import Foundation
import VirtualMachine

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Shows what this machine has, what each thing is for, and how to get it.",
        discussion: "Nothing here is needed for `verify` on an image of your own. Ends with 6 when something "
            + "named by --require is missing.")

    @Option(help: ArgumentHelp("Fail unless this is present; repeatable.", valueName: "name"))
    var require: [String] = []

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    func run() async throws {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let found = Probe(ThisMachine(path: path)).capabilities() + Self.rig()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(found), as: UTF8.self))
        } else {
            printTable(found)
        }
        let unmet = Probe.unmet(require, in: found)
        if !unmet.isEmpty {
            Console.complain("required but missing: \(unmet.joined(separator: ", "))")
            throw ExitCode(ExitStatus.environmentMissing.rawValue)
        }
    }

    /// What a rig's guest needs besides programs. KVM is tried, as far as a kernel is there to try it with.
    private static func rig() -> [Capability] {
        guard let station = try? RigStation(environment: ProcessInfo.processInfo.environment) else {
            return []
        }
        let kernel = station.kernelFinding()
        let help = station.hardwareFinding()
        return [
            Capability(
                name: "rig-kernel", purpose: "is what the rig's guest runs", isPresent: kernel.isPresent,
                finding: kernel.finding,
                remedy:
                    "apt-get update, so that the package can be downloaded; or give --kernel and --modules"),
            Capability(
                name: "kvm", purpose: "lets the rig's guest run at full speed", isPresent: help.isPresent,
                finding: help.finding,
                remedy: "a machine whose /dev/kvm works and that you may open; without, QEMU emulates"),
        ]
    }

    private func printTable(_ found: [Capability]) {
        let width = found.map(\.name.count).max() ?? 0
        for capability in found {
            let name = capability.name.padding(toLength: width, withPad: " ", startingAt: 0)
            print(
                "\(capability.isPresent ? "yes" : "no ")  \(name)  \(capability.purpose): \(capability.finding)"
            )
            if !capability.isPresent {
                print(String(repeating: " ", count: width + 7) + "to get it: \(capability.remedy)")
            }
        }
    }
}
