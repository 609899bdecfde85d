import Glibc
package import VirtualMedia

/// The kernel's own gadget tree. Its errno come as they are: also 525, which libc does not know.
///
/// A write can wait long, for a host or for a server behind a LUN's file; it is made on a thread that
/// may block.
package struct ConfigFSGadgetTree: GadgetTree {
    package static let usualRoot = "/sys/kernel/config/usb_gadget"

    private let root: String

    package init(root: String = Self.usualRoot) { self.root = root }

    package func makeDirectory(_ path: String) async throws(SystemError) {
        try await perform("mkdir", path) { place, operation throws(SystemError) in
            // Only a directory of the tree itself tells that there is no tree: that is no missing parent.
            guard KernelFile.exists(root) else {
                throw SystemError(ENODEV, "\(operation): load libcomposite, and mount configfs")
            }
            try check(mkdir(place, 0o755), operation)
        }
    }

    package func removeDirectory(_ path: String) async throws(SystemError) {
        try await perform("rmdir", path) { place, operation throws(SystemError) in
            try check(rmdir(place), operation)
        }
    }

    /// configfs looks the target up from the caller's working directory, so it is given whole.
    package func makeLink(at path: String, to target: String) async throws(SystemError) {
        let target = "\(root)/\(target)"
        try await perform("symlink", path) { place, operation throws(SystemError) in
            try check(symlink(target, place), operation)
        }
    }

    package func removeLink(_ path: String) async throws(SystemError) {
        try await perform("unlink", path) { place, operation throws(SystemError) in
            try check(unlink(place), operation)
        }
    }

    package func write(_ value: String, to path: String) async throws(SystemError) {
        try await perform("write", path) { place, operation throws(SystemError) in
            try KernelFile.write(value, to: place, operation)
        }
    }

    package func read(_ path: String) async throws(SystemError) -> String {
        try await perform("read", path) { place, operation throws(SystemError) in
            try KernelFile.read(place, operation)
        }
    }

    package func list(_ path: String) async throws(SystemError) -> [String] {
        try await perform("list", path) { place, operation throws(SystemError) in
            try KernelFile.names(in: place, operation)
        }
    }

    private func perform<Value: Sendable>(
        _ verb: String, _ path: String,
        _ body: @escaping @Sendable (_ place: String, _ operation: String) throws(SystemError) -> Value
    ) async throws(SystemError) -> Value {
        let place = path.isEmpty ? root : "\(root)/\(path)"
        let operation = "\(verb) usb_gadget/\(path)"
        return try await BlockingCall.run("configfs") { () throws(SystemError) in
            try body(place, operation)
        }
    }

    private func check(_ status: CInt, _ operation: String) throws(SystemError) {
        guard status == 0 else { throw SystemError(errno, operation) }
    }
}
