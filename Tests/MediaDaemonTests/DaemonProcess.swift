import DBusProtocol
import Foundation
import Glibc
import LinuxPlatform
import TestSupport
import Testing

/// The program itself, on a private bus, with a supervisor that listens.
final class DaemonProcess {
    static let name = "xyz.openbmc_project.VirtualMedia"
    static let root = "/xyz/openbmc_project/VirtualMedia"
    static let legacyPath = "\(root)/Legacy/Slot_1"

    static let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("virtual-mediad").path

    let folder: TemporaryFolder
    let address: String
    private let notices: NoticeSocket
    private let running: RunningProgram

    /// - Parameter slots: names of the configuration's Legacy slots, each with the nbd device of its place.
    init(on address: String, in folder: TemporaryFolder, options: [String] = []) throws {
        self.folder = folder
        self.address = address
        notices = try NoticeSocket(at: folder.file("notify-\(UUID().uuidString.prefix(8))"))
        let words = [Self.program, "--config", folder.file("media.json"), "--address", address] + options
        let line = words.map { "'\($0)'" }.joined(separator: " ")
        running = try RunningProgram(
            "/bin/sh",
            ["-c", "NOTIFY_SOCKET='\(notices.path)' exec \(line) 2>>'\(folder.file("log"))'"])
    }

    static func configure(_ folder: TemporaryFolder, slots: [String]) throws {
        let points = slots.enumerated().map { index, name in
            """
            "\(name)": {"EndpointId": "", "Mode": 1, "NBDDevice": "nbd\(index + 8)", "UnixSocket": "", \
            "Timeout": 20, "BlockSize": 512}
            """
        }
        try folder.write(
            Array("{\"MountPoints\": {\(points.joined(separator: ","))}}".utf8), to: "media.json")
    }

    func nextNotice() async throws -> String { try await notices.next() }
    func signal(_ number: CInt) { kill(running.processIdentifier, number) }
    func stop() async -> Int32 { await running.stop() }
    var log: String { (try? String(contentsOfFile: folder.file("log"), encoding: .utf8)) ?? "" }
}
