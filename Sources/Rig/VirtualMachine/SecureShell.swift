import Foundation

/// A rig that is a machine of its own, reached with the program `ssh` and what it knows of keys and hosts.
struct SecureShell: Sendable {
    let service: NetworkService

    init(_ service: NetworkService) { self.service = service }

    /// - Returns: the arguments of `ssh`: the remote shell gets one line, in which nothing is special.
    func arguments(_ request: GuestRequest, hasTerminal: Bool) -> [String] {
        let words = ["env"] + request.request.environment + request.request.arguments
        let folder = Self.quoted(request.request.folder)
        // A folder of this machine need not exist there.
        let line = "cd \(folder) 2>/dev/null || cd /; exec \(words.map(Self.quoted).joined(separator: " "))"
        // Never a question: a rig is used by programs.
        return [
            "ssh", hasTerminal ? "-t" : "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20",
            "-p", "\(service.port)", "-l", service.user, "--", service.address, line,
        ]
    }

    func run(_ request: GuestRequest, hasTerminal: Bool, within limit: Duration?) throws(RigFailure) -> Int32
    {
        let child = try ChildProgram(
            arguments(request, hasTerminal: hasTerminal), placement: .ours,
            descriptors: [(0, 0), (1, 1), (2, 2)])
        guard let status = child.wait(atMost: limit ?? .seconds(1 << 30)) else {
            throw RigFailure(.late, "the command was not over after \(limit ?? .zero)")
        }
        // What ssh itself ends with when there is no connection.
        guard status != 255 else {
            throw RigFailure(
                .environment, "no connection to \(service.user)@\(service.address): see what ssh says")
        }
        return status
    }

    static func quoted(_ word: String) -> String {
        "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
