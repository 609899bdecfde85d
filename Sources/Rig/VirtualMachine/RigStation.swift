import Foundation

/// Rigs by name: boots them, finds those that run.
package struct RigStation: Sendable {
    /// What a user may decide about a machine, over what its definition says.
    package struct Options: Sendable {
        /// A kernel of one's own, and its modules.
        package var kernel: (image: String, modules: String)?
        package var shares: [String] = []
        package var forwards: [MachinePlan.PortForward] = []
        package var network: MachineDefinition.Network?
        package var accelerator: MachineDefinition.Accelerator?
        package var bootLimit = RunningMachine.bootLimit
        /// Shown what the guest writes to its console.
        package var console: (@Sendable ([UInt8]) -> Void)?

        package init() {}
    }

    package let cache: RigCache
    package let stateFolder: String
    /// This program.
    private let agent: String

    package init(environment: [String: String]) throws(RigFailure) {
        cache = try RigCache(environment: environment)
        stateFolder = try RigState.folder(environment: environment)
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { throw RigFailure("/proc/self/exe", errno: errno) }
        agent = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    // MARK: Definitions

    /// - Parameter argument: a folder with `rig.yaml`, such a file, or the name of one in `library`.
    package static func definition(_ argument: String, library: String) throws(RigFailure) -> RigDefinition {
        for path in [argument, "\(argument)/rig.yaml", "\(library)/\(argument)/rig.yaml"]
        where path.hasSuffix(".yaml") && FileAccess.exists(path) {
            let text = String(decoding: try FileAccess.read(path), as: UTF8.self)
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent().lastPathComponent
            return try RigDefinition(name: folder, yaml: text, file: path)
        }
        let known = names(in: library).joined(separator: ", ")
        throw RigFailure(.usage, "there is no rig \(argument); there are: \(known)")
    }

    package static func names(in library: String) -> [String] {
        FileAccess.names(in: library).filter { FileAccess.exists("\(library)/\($0)/rig.yaml") }
    }

    /// Ends a rig that was left running, if it does.
    package func takeDown(_ name: String) throws(RigFailure) {
        guard let state = running(name) else { return }
        try state.stop()
        RigState.remove(name, in: stateFolder)
    }

    package func running(_ name: String) -> RigState? { RigState.running(name, in: stateFolder) }

    // MARK: Booting

    /// Boots a rig that lives no longer than this process and the first session with it.
    ///
    /// - Parameter folder: for its socket and log.
    /// - Returns: the machine with its agent ready, and the session.
    package func boot(_ machine: MachineDefinition, _ options: Options, in folder: String)
        throws(RigFailure) -> (RunningMachine, OperatorConnection)
    {
        var plan = try plan(machine, options)
        plan.goesOffWithOperator = true
        let running = try RunningMachine(plan, in: folder, lifetime: .ours, console: options.console)
        return (running, try open(running, options).connection)
    }

    /// Boots a rig that stays.
    package func bringUp(_ name: String, _ machine: MachineDefinition, _ options: Options)
        throws(RigFailure) -> RigState
    {
        let folder = "\(stateFolder)/\(name)"
        try FileAccess.makeFolder(folder, permissions: 0o700)
        let plan = try plan(machine, options)
        let running = try RunningMachine(plan, in: folder, lifetime: .itsOwn)
        do throws(RigFailure) {
            let release = try open(running, options).kernel
            let state = RigState(
                name: name, process: running.processIdentifier,
                processStart: RigState.start(ofProcess: running.processIdentifier) ?? 0,
                socket: running.socketPath, console: running.consolePath, token: running.token,
                kernel: release, shares: options.shares)
            try state.save(in: stateFolder)
            return state
        } catch {
            running.kill()
            throw error
        }
    }

    private func open(_ machine: RunningMachine, _ options: Options) throws(RigFailure) -> (
        connection: OperatorConnection, kernel: String
    ) {
        do throws(RigFailure) {
            let connection = try OperatorConnection(to: machine.socketPath, token: machine.token)
            let kernel = try connection.waitUntilReady(
                within: options.bootLimit, isAlive: { !machine.hasEnded })
            return (connection, kernel)
        } catch {
            machine.kill()
            throw RigFailure(error.kind, "\(error)\nthe guest's last words:\n\(machine.lastWords)")
        }
    }

    func plan(_ machine: MachineDefinition, _ options: Options) throws(RigFailure) -> MachinePlan {
        var machine = machine
        if let network = options.network { machine.network = network }
        if let accelerator = options.accelerator { machine.accelerator = accelerator }
        let kernel: KernelFiles
        if let own = options.kernel {
            kernel = try KernelFiles(image: own.image, modules: own.modules, cache: cache)
        } else {
            kernel = try KernelFiles(package: machine.kernelPackage, cache: cache)
        }
        let initramfs = try GuestFiles.archive(machine, kernel: kernel, cache: cache)
        var plan = MachinePlan(
            definition: machine, kernel: kernel.kernel, initramfs: initramfs, agent: agent,
            token: Self.newToken())
        for share in options.shares {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: share, isDirectory: &isFolder), isFolder.boolValue
            else { throw RigFailure(.usage, "\(share): no folder to share") }
            plan.shares.append(URL(fileURLWithPath: share).resolvingSymlinksInPath().path)
        }
        plan.forwards = options.forwards
        switch machine.accelerator {
        case .tcg, .kvm: plan.accelerator = machine.accelerator
        case .auto: plan.accelerator = HardwareHelp.isUsable(plan, cache: cache) ? .kvm : .tcg
        }
        return plan
    }

    private static func newToken() -> String {
        (0..<16).map { _ in
            let digits = String(UInt8.random(in: 0 ... .max), radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
