import Foundation

/// Something that a test needs from the machine. Where it is missing the test is skipped by name;
/// where `MEDIARIG_REQUIRE` names it (or says `all`) the test runs and fails instead. What `MEDIARIG_OPTIONAL` names is
/// never required: a machine may have no way to get it.
///
///     @Test(.enabled(if: Capability.tool("nbdcopy").isUsable, "nbdcopy is not installed"))
package struct Capability: Sendable {
    package let name: String
    package let isPresent: Bool

    package init(name: String, isPresent: Bool) {
        self.name = name
        self.isPresent = isPresent
    }

    /// A program on the PATH (or in the system folders that PATH often leaves out).
    package static func tool(_ name: String) -> Capability {
        Capability(name: name, isPresent: path(ofTool: name) != nil)
    }

    package static func tools(_ names: String...) -> Capability {
        Capability(
            name: names.joined(separator: "+"), isPresent: names.allSatisfy { path(ofTool: $0) != nil })
    }

    /// A module that Debian's own Python can import.
    package static func pythonModule(_ name: String) -> Capability {
        let result = try? ForeignProgram("/usr/bin/python3", "-c", "import \(name)").runBlocking()
        return Capability(name: "python3-\(name)", isPresent: result?.status == 0)
    }

    /// A module of the project's own Python environment, which `./mediarig test` makes in `.build/python`.
    package static func projectPython(_ name: String) -> (capability: Capability, path: String) {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let path = root.appendingPathComponent(".build/python/bin/python").path
        let result = try? ForeignProgram(path, "-c", "import \(name)").runBlocking()
        return (Capability(name: "pypi-\(name)", isPresent: result?.status == 0), path)
    }

    /// Whether the test should run: the thing is there, or its absence has to show as a failure.
    package var isUsable: Bool { isPresent || Self.isRequired(name) }

    package static func isRequired(_ name: String) -> Bool {
        func names(_ variable: String) -> [Substring] {
            (ProcessInfo.processInfo.environment[variable] ?? "").split(separator: ",")
        }
        guard !names("MEDIARIG_OPTIONAL").contains(where: { $0 == name }) else { return false }
        let required = names("MEDIARIG_REQUIRE")
        return required.contains("all") || required.contains { $0 == name }
    }

    package static func path(ofTool name: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
        return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
