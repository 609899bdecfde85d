import Foundation
import Testing

/// The arrows of docs/architecture.md: a room may import the rooms below it, never above.
struct StructureTests {
    /// Which folders the targets of a folder may import from.
    static let mayImport: [String: Set<String>] = [
        "Protocols": ["Protocols"],
        "Service": ["Protocols", "Service"],
        "Platform": ["Protocols", "Service", "Platform"],
        "Simulation": ["Protocols", "Service", "Simulation"],
        "Rig": ["Protocols", "Service", "Platform", "Simulation", "Rig"],
        "Commands": ["Protocols", "Service", "Platform", "Simulation", "Rig"],
    ]

    /// Shims of system headers carry no code of ours, so any room with a shell may use one.
    static let shims: Set<String> = ["CLinux", "CCurl", "COpenSSL", "CFuse", "CUdev", "CUSB"]

    static let folderOfTarget: [String: String] = {
        var folders: [String: String] = [:]
        for file in SourceTree.swiftFiles where file.parts.first == "Sources" && file.parts.count >= 4 {
            folders[file.parts[2]] = file.parts[1]
        }
        return folders
    }()

    @Test func `imports follow the arrows of the architecture`() {
        #expect(Self.folderOfTarget.count > 15)
        for file in SourceTree.swiftFiles where file.parts.first == "Sources" {
            for (target, line) in imports(of: file) where !Self.shims.contains(target) {
                guard let folder = Self.folderOfTarget[target] else { continue }
                let allowed = Self.mayImport[file.parts[1]] ?? []
                #expect(allowed.contains(folder), "\(file.path):\(line) imports \(target) of \(folder)")
            }
        }
    }

    @Test func `protocol rooms import nothing but the standard library and each other`() {
        for file in SourceTree.swiftFiles where file.path.hasPrefix("Sources/Protocols/") {
            for (target, line) in imports(of: file) {
                #expect(
                    Self.folderOfTarget[target] == "Protocols" || target == "Synchronization",
                    "\(file.path):\(line) imports \(target)")
            }
        }
    }

    @Test func `the virtual media service never imports a platform`() {
        for file in SourceTree.swiftFiles where file.path.hasPrefix("Sources/Service/VirtualMedia/") {
            for (target, line) in imports(of: file) {
                #expect(
                    Self.folderOfTarget[target] != "Platform" && !Self.shims.contains(target),
                    "\(file.path):\(line) imports \(target)")
            }
        }
    }

    @Test func `only simulated time reaches into Swift's runtime`() {
        for file in SourceTree.swiftFiles where file.parts.first == "Sources" {
            for (target, line) in imports(of: file) where target == "CSwiftRuntime" {
                #expect(file.parts[2] == "SimulatedTime", "\(file.path):\(line)")
            }
        }
    }

    @Test func `every room has tests`() {
        let tested = Set(SourceTree.swiftFiles.filter { $0.parts.first == "Tests" }.map { $0.parts[1] })
        for (target, folder) in Self.folderOfTarget where folder != "Commands" {
            #expect(tested.contains("\(target)Tests"), "\(folder)/\(target) has no Tests/\(target)Tests")
        }
    }

    private func imports(of file: SourceTree.File) -> [(target: String, line: Int)] {
        file.lines.enumerated().compactMap { index, line in
            let words = line.split(separator: " ")
            guard let position = words.firstIndex(of: "import"), position <= 2, words.count > position + 1,
                words.prefix(position).allSatisfy({ $0.hasPrefix("@") || $0 == "package" || $0 == "public" })
            else { return nil }
            return (String(words[position + 1].split(separator: ".")[0]), index + 1)
        }
    }
}
