import Foundation

/// Which MediaRig this is.
enum SourceVersion {
    /// The commit of the checkout that the program stands in, "unknown" outside of one; "+debug" behind it tells
    /// a build that is not optimised, which takes other steps: a seed is another run in it.
    static let commit: String = {
        #if DEBUG
            return checkout + "+debug"
        #else
            return checkout
        #endif
    }()

    private static let checkout: String = {
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        var folder = URL(fileURLWithPath: program).deletingLastPathComponent()
        for _ in 0..<maximumSteps where folder.path != "/" {
            if let commit = head(of: folder.appendingPathComponent(".git")) { return commit }
            folder.deleteLastPathComponent()
        }
        return "unknown"
    }()

    private static let maximumSteps = 12

    private static func head(of repository: URL) -> String? {
        guard let head = try? String(contentsOf: repository.appendingPathComponent("HEAD"), encoding: .utf8)
        else { return nil }
        let line = head.split(separator: "\n").first.map(String.init) ?? ""
        guard line.hasPrefix("ref: ") else { return line }
        let name = String(line.dropFirst(5))
        if let loose = try? String(contentsOf: repository.appendingPathComponent(name), encoding: .utf8) {
            return loose.split(separator: "\n").first.map(String.init)
        }
        let packed = try? String(
            contentsOf: repository.appendingPathComponent("packed-refs"), encoding: .utf8)
        let entry = packed?.split(separator: "\n").first { $0.hasSuffix(" \(name)") }
        return entry?.split(separator: " ").first.map(String.init)
    }
}
