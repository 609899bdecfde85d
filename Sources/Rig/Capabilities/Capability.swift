/// Something of the machine that a part of MediaRig can use, with how to get it.
package struct Capability: Codable, Equatable, Sendable {
    /// As `--require` takes it: "nbdkit", "kernel-nbd".
    package let name: String
    /// What is lost without it.
    package let purpose: String
    package let isPresent: Bool
    /// Where it was found, or what was missing.
    package let finding: String
    /// How to get it; empty when present.
    package let remedy: String

    package init(name: String, purpose: String, isPresent: Bool, finding: String, remedy: String) {
        self.name = name
        self.purpose = purpose
        self.isPresent = isPresent
        self.finding = finding
        self.remedy = isPresent ? "" : remedy
    }
}

/// Looks at the machine through a few primitives, so that tests can show it any machine.
package protocol Machine {
    /// - Returns: the path of an executable, or `nil`.
    func executable(_ name: String) -> String?
    func exists(_ path: String) -> Bool
    func canReadAndWrite(_ path: String) -> Bool
    /// - Returns: what is in a folder, sorted; nothing where there is none.
    func names(in folder: String) -> [String]
    /// - Returns: whether the running kernel has the module loaded, built in, or on disk.
    func hasModule(_ name: String) -> Bool
    var isRoot: Bool { get }
}
