package import VirtualMedia

extension SimulatedKernel: GadgetTree {
    package func makeDirectory(_ path: String) async throws(SystemError) {
        try perform(.makeDirectory, path) { files throws(Errno) in try files.makeDirectory(path) }
    }

    package func removeDirectory(_ path: String) async throws(SystemError) {
        try perform(.removeDirectory, path) { files throws(Errno) in try files.removeDirectory(path) }
        await finishClosing()
    }

    package func makeLink(at path: String, to target: String) async throws(SystemError) {
        try perform(.makeLink, path) { files throws(Errno) in try files.makeLink(at: path, to: target) }
    }

    package func removeLink(_ path: String) async throws(SystemError) {
        try perform(.removeLink, path) { files throws(Errno) in try files.removeLink(path) }
    }

    /// Clearing or changing a LUN's file returns once the old file's dirty pages are written.
    package func write(_ value: String, to path: String) async throws(SystemError) {
        try perform(.write, path) { files throws(Errno) in try files.write(value, to: path) }
        await finishClosing()
    }

    package func read(_ path: String) async throws(SystemError) -> String {
        try perform(.read, path) { files throws(Errno) in try files.read(path) }
    }

    package func list(_ path: String) async throws(SystemError) -> [String] {
        try perform(.list, path) { files throws(Errno) in try files.list(path) }
    }

    private func perform<Result>(
        _ operation: OperationFault.Operation, _ path: String,
        _ body: (ConfigFileSystem) throws(Errno) -> Result
    ) throws(SystemError) -> Result {
        do throws(Errno) {
            return try step { state throws(Errno) in
                // What the host's own ejects closed is nobody's to wait for.
                _ = state.takeClosing()
                try state.faults.check(operation, path)
                return try body(state.tree.files)
            }
        } catch { throw error.during("\(operation.rawValue) usb_gadget/\(path)") }
    }

    private func finishClosing() async {
        for cache in state.takeClosing() {
            await withCheckedContinuation { continuation in
                step { _ in
                    cache.writing.wait(for: 0..<UInt64.max, in: cache) { _ in continuation.resume() }
                }
            }
        }
    }
}

extension SimulatedKernel: DeviceControllerDirectory {
    package func controllers() async throws(SystemError) -> [DeviceController] { state.controllers.listing }
}

extension SimulatedKernel: UeventSource {
    package func uevents() async -> AsyncStream<Uevent> { state.uevents.listen() }
}
