import ArgumentParser
import Foundation
import VirtualMachine

/// This very command, on a rig.
struct RigRun {
    let rig: String
    /// Files and folders that the command writes.
    let outputs: [String]

    /// - Throws: an exit with the command's status, where that is not 0.
    func run() throws {
        var words = CommandLine.arguments
        if let index = words.firstIndex(of: "--rig") {
            words.removeSubrange(index...min(index + 1, words.count - 1))
        } else {
            words.removeAll { $0.hasPrefix("--rig=") }
        }
        words[0] = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        var options = RigStation.Options()
        for output in outputs { options.shares.append(try Self.folder(of: output)) }
        let status = try RigOptions.reporting { () throws(RigFailure) in
            let definition = try RigStation.definition(rig, library: RigOptions.library)
            let visit = RigVisit(
                definition: definition, options: options,
                request: RigVisit.request(words, folder: nil, environment: ["MEDIARIG_ROOT"]), limit: nil)
            return try visit.run(on: RigOptions.station())
        }
        if status != 0 { throw ExitCode(status) }
    }

    /// The folder that has to be shared for it to be written: itself, where it is one that is there.
    private static func folder(of output: String) throws -> String {
        var isFolder: ObjCBool = false
        let url = URL(fileURLWithPath: output)
        if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), isFolder.boolValue {
            return url.path
        }
        return url.deletingLastPathComponent().path
    }
}

enum DaemonProgram {
    /// - Throws: an exit with 6 where there is none.
    static func besideThis() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent(
            "virtual-mediad"
        )
        .path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            Console.complain(
                "no \(path): build it (swift build --product virtual-mediad), or name one with --daemon")
            throw ExitCode(ExitStatus.environmentMissing.rawValue)
        }
        return path
    }
}
