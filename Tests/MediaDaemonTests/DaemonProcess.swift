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

/// Where a supervisor is told.
final class NoticeSocket: Sendable {
    let path: String
    private let descriptor: CInt

    init(at path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(status == 0)
    }

    deinit { close(descriptor) }

    /// What comes next, within a minute; empty when nothing does.
    func next() async throws -> String {
        let descriptor = descriptor
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                var bytes = [UInt8](repeating: 0, count: 4096)
                let count = recv(descriptor, &bytes, bytes.count, 0)
                continuation.resume(returning: String(decoding: bytes.prefix(max(0, count)), as: UTF8.self))
            }
        }
    }
}

/// A private message bus of a foreign program.
enum PrivateBus: String, CaseIterable, Sendable {
    case daemon = "dbus-daemon"
    case broker = "dbus-broker"

    /// The broker's launcher wants a log to write to, which it gets in a mount namespace of its own.
    var capability: Capability {
        switch self {
        case .daemon: .tool("dbus-daemon")
        case .broker:
            Capability(
                name: "dbus-broker",
                isPresent: geteuid() == 0
                    && Capability.tools(
                        "dbus-broker-launch", "systemd-socket-activate", "unshare", "python3"
                    ).isPresent)
        }
    }

    static let configuration = """
        <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
         "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
        <busconfig><type>session</type><listen>unix:path=SOCKET</listen><policy context="default">
        <allow user="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
        <allow receive_type="method_call"/><allow receive_type="signal"/><allow receive_type="method_return"/>
        </policy></busconfig>
        """

    private static let brokerScript = """
        mkdir -p /run/systemd && mount -t tmpfs none /run/systemd && mkdir /run/systemd/journal || exit 1
        python3 -c '
        import os, socket, threading
        log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        log.bind("/run/systemd/journal/socket")
        parent = os.getppid()
        log.settimeout(1)
        while os.getppid() == parent:
            try: log.recv(65536)
            except TimeoutError: pass
        ' &
        while [ ! -S /run/systemd/journal/socket ]; do sleep 0.05; done
        exec systemd-socket-activate -E DBUS_SESSION_BUS_ADDRESS -l "$1" \
            dbus-broker-launch --scope user --config-file "$2"
        """

    /// Runs `body` with the bus's address.
    func run<Result>(in folder: TemporaryFolder, _ body: (String) async throws -> Result) async throws
        -> Result
    {
        let socket = folder.file("bus")
        let text = Self.configuration.replacingOccurrences(of: "SOCKET", with: socket)
        let file = try folder.write(Array(text.utf8), to: "bus.conf")
        let address = "unix:path=\(socket)"
        let program: RunningProgram
        switch self {
        case .daemon:
            program = try RunningProgram(
                "/bin/sh", ["-c", "exec dbus-daemon --config-file='\(file)' --nofork --nopidfile --nosyslog"])
        case .broker:
            program = try RunningProgram(
                "/bin/sh",
                [
                    "-c",
                    "DBUS_SESSION_BUS_ADDRESS='\(address)' exec unshare -m sh -c \"$0\" sh '\(socket)' '\(file)' 2>/dev/null",
                    Self.brokerScript,
                ])
        }
        while access(socket, F_OK) != 0 { try await Task.sleep(for: .milliseconds(20)) }
        do {
            let result = try await body(address)
            kill(program.processIdentifier, SIGKILL)
            return result
        } catch {
            kill(program.processIdentifier, SIGKILL)
            throw error
        }
    }
}
