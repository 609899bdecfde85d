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
