import CLinux
import Foundation
import TestSupport
import Testing
import Threads

@testable import VirtualMachine

enum RigPlaces {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// The program, next to the tests; it is the guest's first process too.
    static let program: String = {
        let folder = URL(fileURLWithPath: CommandLine.arguments.first ?? "").deletingLastPathComponent()
        let candidates = [
            folder.appendingPathComponent("mediarig").path, "\(root)/.build/debug/mediarig",
        ]
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0) } ?? candidates[1]
    }()

    /// QEMU, and a kernel that is there or can be downloaded.
    static let capability = Capability(
        name: "virtual-machine",
        isPresent: Capability.path(ofTool: "qemu-system-x86_64") != nil
            && Capability.path(ofTool: "setpriv") != nil && Capability.path(ofTool: "apt-get") != nil
            && FileManager.default.isExecutableFile(atPath: program))
}

/// One guest is booted for all of it: that takes seconds.
@Suite(.enabled(if: RigPlaces.capability.isUsable, "no virtual-machine: QEMU or Debian's kernel package"))
struct GuestTests {
    /// What a guest has to answer: a line for each question.
    static let script = """
        uname -s
        ls /sys/class/udc | wc -l
        test -e /sys/kernel/config/usb_gadget && echo gadgets
        head -c 3 /proc/sys/kernel/osrelease; echo
        echo written > "$1/result"; cat "$1/given"
        touch /usr/forgotten && echo layer
        modprobe usbip-vudc && ls /sys/class/udc | grep -c vudc
        cat | wc -c
        echo complaint >&2
        exit 7
        """

    @Test(.timeLimit(.minutes(10)))
    func `a guest boots, runs a command with input, output, files and status, and leaves nothing`()
        async throws
    {
        let share = try TemporaryFolder()
        try share.write(Array("given from outside\n".utf8), to: "given")
        let input = String(repeating: "0123456789abcdef", count: 30_000)
        let result = try await ForeignProgram(
            RigPlaces.program, "rig", "run", "\(RigPlaces.root)/rigs/dummy-hcd-vm", "--share", share.path,
            "--", "sh",
            "-c", Self.script, "sh", share.path
        ).run(input: input, within: 500)
        #expect(
            result.output == "Linux\n8\ngadgets\n6.1\ngiven from outside\nlayer\n1\n480000\n",
            "\(result.error)")
        #expect(result.status == 7)
        #expect(result.error.hasSuffix("complaint\n"))
        #expect(try String(contentsOfFile: share.file("result"), encoding: .utf8) == "written\n")
        #expect(!FileManager.default.fileExists(atPath: "/usr/forgotten"))
    }

    @Test(.timeLimit(.minutes(10)))
    func `the guest dies with a mediarig that is killed`() async throws {
        let mark = "mediarig-test-\(getpid())"
        let program = try RunningProgram(
            RigPlaces.program,
            [
                "rig", "run", "\(RigPlaces.root)/rigs/dummy-hcd-vm", "--", "sh", "-c",
                "echo \(mark); exec sleep 1000",
            ])
        #expect(try await program.firstLine() == mark)
        let machines = children(of: program.processIdentifier)
        #expect(machines.count == 1)
        let handles = machines.map { clinux_pidfd_open($0, 0) }
        defer { handles.forEach { close($0) } }
        kill(program.processIdentifier, SIGKILL)
        // Readable once the process has ended, whoever reaps it.
        let haveEnded = await BlockingThread.value("wait for QEMU") {
            handles.allSatisfy { handle in
                var watched = pollfd(fd: handle, events: Int16(POLLIN), revents: 0)
                return poll(&watched, 1, 60_000) == 1
            }
        }
        #expect(haveEnded == true)
    }

    @Test(.timeLimit(.minutes(10)))
    func `a scenario runs on a real kernel, and its results come out`() async throws {
        let state = try TemporaryFolder()
        var program = ForeignProgram(
            RigPlaces.program, "run", "\(RigPlaces.root)/scenarios/kernel/insert-read-eject.yaml", "--world",
            "kernel", "--rig", "\(RigPlaces.root)/rigs/dummy-hcd-vm", "--require", "--junit",
            state.file("junit.xml"))
        program.environment = ["XDG_STATE_HOME": state.path]
        let result = try await program.run(within: 500)
        #expect(result.status == 0, "\(result.output)\n\(result.error)")
        let junit = try String(contentsOfFile: state.file("junit.xml"), encoding: .utf8)
        #expect(junit.contains("insert-read-eject"))
    }

    private func children(of process: Int32) -> [Int32] {
        let threads = FileAccess.names(in: "/proc/\(process)/task")
        return threads.flatMap { thread in
            (FileAccess.line(of: "/proc/\(process)/task/\(thread)/children") ?? "").split(separator: " ")
                .compactMap { Int32($0) }
        }
    }
}
