import Foundation

/// Whether KVM can be used. That /dev/kvm opens does not say it: within another virtual machine a guest may hang at
/// its first instruction. So one is started, and has to say a word.
enum HardwareHelp {
    /// A guest with KVM is up in a second; this is for busy machines.
    static let probeLimit = Duration.seconds(8)

    /// What was found out holds until the machine boots again.
    static func isUsable(_ plan: MachinePlan, cache: RigCache) -> Bool {
        guard access("/dev/kvm", R_OK | W_OK) == 0 else { return false }
        let boot = FileAccess.line(of: "/proc/sys/kernel/random/boot_id") ?? ""
        let path = "\(cache.folder)/kvm"
        let known = (FileAccess.line(of: path) ?? "").split(separator: " ")
        if known.count == 2, known[0] == boot { return known[1] == "yes" }
        let isUsable = isSeenRunning(plan)
        try? FileAccess.write(Array("\(boot) \(isUsable ? "yes" : "no")\n".utf8), to: path)
        return isUsable
    }

    private static func isSeenRunning(_ plan: MachinePlan) -> Bool {
        var probe = plan
        probe.definition.kernelArguments = [GuestScript.probeArgument]
        probe.definition.network = .none
        probe.shares = []
        probe.forwards = []
        probe.accelerator = .kvm
        let folder = NSTemporaryDirectory() + "mediarig-kvm-\(getpid())"
        guard (try? FileAccess.makeFolder(folder, permissions: 0o700)) != nil else { return false }
        defer { FileAccess.removeAll(folder) }
        guard let machine = try? RunningMachine(probe, in: folder, lifetime: .ours) else { return false }
        let hasEnded = machine.waitForEnd(atMost: probeLimit)
        if !hasEnded { machine.kill() }
        return hasEnded && machine.lastWords.contains(GuestScript.upMark)
    }
}

/// For whoever wants to know before booting.
extension RigStation {
    package struct Finding: Sendable {
        package let isPresent: Bool
        /// What was found, or what was missing.
        package let finding: String
    }

    private var usualPackage: String { MachineDefinition().kernelPackage }
    private var isKernelCached: Bool { FileAccess.exists("\(cache.folder)/kernel-\(usualPackage)") }

    /// Whether the kernel package is there or can be downloaded; nothing is.
    package func kernelFinding() -> Finding {
        if isKernelCached {
            let modules = FileAccess.names(in: "\(cache.folder)/kernel-\(usualPackage)/lib/modules")
            return Finding(isPresent: true, finding: "\(modules.last ?? "") in \(cache.folder)")
        }
        let answer = try? ChildProgram.run(["apt-cache", "show", usualPackage], within: .seconds(30))
        return answer == nil
            ? Finding(isPresent: false, finding: "apt knows no package \(usualPackage)")
            : Finding(isPresent: true, finding: "package \(usualPackage) can be downloaded")
    }

    /// Whether a guest was seen to run with KVM; boots one for at most ``HardwareHelp/probeLimit``.
    package func hardwareFinding() -> Finding {
        guard access("/dev/kvm", R_OK | W_OK) == 0 else {
            return Finding(isPresent: false, finding: "/dev/kvm cannot be opened")
        }
        guard isKernelCached else {
            return Finding(
                isPresent: false, finding: "not tried: no kernel is there yet (`mediarig rig run` gets one)")
        }
        var options = Options()
        options.accelerator = .auto
        guard let plan = try? plan(MachineDefinition(), options) else {
            return Finding(isPresent: false, finding: "not tried: no guest can be made")
        }
        return plan.accelerator == .kvm
            ? Finding(isPresent: true, finding: "a guest runs with it")
            : Finding(isPresent: false, finding: "/dev/kvm opens, but a guest does not run with it")
    }
}
