import Foundation
import Glibc

/// A private message bus of a foreign program.
package enum PrivateBus: String, CaseIterable, Sendable {
    case daemon = "dbus-daemon"
    case broker = "dbus-broker"

    /// The broker's launcher wants a log to write to, which it gets in a mount namespace of its own.
    package var capability: Capability {
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

    private static let configuration = """
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
    package func run<Result>(in folder: TemporaryFolder, _ body: (String) async throws -> Result) async throws
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
