import Glibc
import TestSupport
import Testing

@testable import VirtualMachine

struct MachinePlanTests {
    private func plan() -> MachinePlan {
        MachinePlan(
            definition: MachineDefinition(), kernel: "/c/k.elf", initramfs: "/c/i.cpio",
            agent: "/a b/media rig",
            token: "00")
    }

    @Test func `paths with commas and blanks reach QEMU and the guest whole`() throws {
        var plan = plan()
        plan.shares = ["/tmp/a, b"]
        let arguments = try plan.arguments()
        #expect(arguments.contains("local,id=share0,path=/tmp/a,, b,security_model=none,multidevs=remap"))
        #expect(
            try plan.kernelArguments().contains(
                "mediarig.agent=media%20rig mediarig.shares=0:/tmp/a%2C%20b"))
    }

    @Test func `the guest sees this machine's files and cannot change them`() throws {
        let arguments = try plan().arguments()
        #expect(arguments.contains("local,id=root,path=/,security_model=none,multidevs=remap,readonly=on"))
        #expect(
            arguments.contains("local,id=agent,path=/a b,security_model=none,multidevs=remap,readonly=on"))
    }

    @Test func `a restricted network leads nowhere but where it is forwarded`() throws {
        var plan = plan()
        plan.forwards = [MachinePlan.PortForward("13240:3240")!]
        #expect(
            try plan.arguments().contains(
                "user,id=network,restrict=on,hostfwd=tcp:127.0.0.1:13240-10.0.2.15:3240"))
        plan.definition.network = .none
        #expect(try plan.arguments().suffix(2) == ["-nic", "none"])
        #expect(try !plan.kernelArguments().contains("mediarig.address"))
    }

    @Test func `a command line that the kernel would cut is refused`() {
        var plan = plan()
        plan.shares = [String(repeating: "x", count: 3000)]
        #expect(throws: RigFailure.self) { try plan.kernelArguments() }
    }

    @Test(arguments: ["", "1", "1:", ":1", "0:1", "1:0", "1:2:3", "70000:1", "a:b"])
    func `what is no pair of ports is refused`(text: String) {
        #expect(MachinePlan.PortForward(text) == nil)
    }
}

struct SecureShellTests {
    @Test(.enabled(if: Capability.tool("sh").isUsable, "there is no sh"))
    func `the remote shell's line means the command, whatever is in its words`() async throws {
        let words = ["printf", "%s|", "a b", "it's", "$HOME", "\"", "*", "", "\\", "ä"]
        let request = GuestRequest(words, environment: ["X=1 2"], folder: "/no/such folder")
        let arguments = SecureShell(NetworkService(address: "bmc", user: "me", port: 2222)).arguments(
            request, hasTerminal: false)
        #expect(arguments.dropLast().suffix(6) == ["-p", "2222", "-l", "me", "--", "bmc"])
        let result = try await ForeignProgram("sh", "-c", arguments.last!).run()
        #expect(result.output == "a b|it's|$HOME|\"|*||\\|ä|")
        #expect(result.status == 0)
    }
}

struct PrivateRunTests {
    @Test(.enabled(if: Capability.tool("sh").isUsable, "there is no sh"))
    func `what a killed run left goes with the next, and nothing else`() async throws {
        let ended = try await ForeignProgram("sh", "-c", "echo $$").run().output.filter { $0 != "\n" }
        let abandoned = "/tmp/mediarig-rig-\(ended)-AbCdEf"
        let other = "/tmp/mediarig-rig-other"
        let living = "/tmp/mediarig-rig-\(getpid())-GhIjKl"
        for folder in [abandoned, other, living] { try FileAccess.makeFolder("\(folder)/within") }
        defer { for folder in [other, living] { FileAccess.removeAll(folder) } }
        do {
            let run = try PrivateRun()
            #expect(FileAccess.exists(run.path))
        }
        #expect(!FileAccess.exists(abandoned))
        #expect(FileAccess.exists("\(other)/within") && FileAccess.exists("\(living)/within"))
    }
}

struct ContentHashTests {
    @Test func `content has the name that SHA-256 gives it`() {
        #expect(ContentHash.of(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223")
    }
}
