import ArgumentParser
import Foundation
import Observation
import USBHost

struct ObserveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "observe",
        abstract: "Looks at a real USB device or block device of this machine, and proves every block.",
        discussion: """
            On the host of a BMC, or of any gadget. With --usb the device is driven from here, descriptors, transport \
            and SCSI: the kernel's driver is detached meanwhile and gets it back. With --block the kernel's driver is used, \
            past the page cache.

              mediarig observe --usb 1d6b:0104 --expect installer.iso
              mediarig observe --block /dev/sda --expect 9f86d081…  --json
              mediarig observe --list
            """)

    @Option(
        help: ArgumentHelp(
            "A USB device: VID:PID, VID:PID:SERIAL, or its place as sysfs names it, 1-2.3.",
            valueName: "device"))
    var usb: String?

    @Option(help: ArgumentHelp("The LUN to look at, with --usb.", valueName: "n"))
    var lun: UInt8 = 0

    @Option(help: ArgumentHelp("A block device, or a file.", valueName: "path"))
    var block: String?

    @Option(
        help: ArgumentHelp(
            "What must be seen: a file, or 64 hexadecimal digits of SHA-256.", valueName: "file|sha256"))
    var expect: String?

    @Option(help: ArgumentHelp("Reads at random places after the sequential one.", valueName: "n"))
    var randomReads = 64

    @Option(help: ArgumentHelp("Decides random places and written bytes.", valueName: "n"))
    var seed: UInt64 = 1

    @Flag(
        help:
            "Write too: seeded blocks at both ends and between, flush, read back. What was there is lost."
    )
    var readWrite = false

    @Option(help: ArgumentHelp("Limit for each command, in seconds.", valueName: "seconds"))
    var timeout = 30

    @Flag(help: "Show the USB devices of this machine, and nothing else.")
    var list = false

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Option(help: ArgumentHelp("Write the result as JUnit XML.", valueName: "file"), completion: .file())
    var junit: String?

    func validate() throws {
        if list { return }
        guard (usb == nil) != (block == nil) else { throw ValidationError("Give --usb or --block.") }
        guard expect != nil else {
            throw ValidationError("Give --expect: what must be seen, a file or its SHA-256.")
        }
        if let usb, DeviceSelector(usb) == nil {
            throw ValidationError(
                "'\(usb)' is no USB device: write VID:PID as four hexadecimal digits each, VID:PID:SERIAL, or BUS-PORT."
            )
        }
        guard lun <= 15 else { throw ValidationError("--lun is 0 to 15.") }
        guard (0...1_000_000).contains(randomReads) else {
            throw ValidationError("--random-reads is 0 to 1000000.")
        }
        guard (1...3600).contains(timeout) else { throw ValidationError("--timeout is 1 to 3600 seconds.") }
    }

    func run() async throws {
        if list { return try printDevices() }
        HeapMemory.keepForReuse()
        Interruption.clearsUp()
        let plan = try plan()
        let bar = ProgressBar()
        let report = await Observation(plan) { bar.show($0.phase, done: $0.done, of: $0.total) }.run()
        bar.clear()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        } else {
            print(ObservationText.render(report), terminator: "")
        }
        if let junit {
            do { try Data(ObservationText.junit(report).utf8).write(to: URL(fileURLWithPath: junit)) } catch {
                Console.complain("\(junit): cannot be written: \(error.localizedDescription)")
                throw ExitCode(ExitStatus.environmentMissing.rawValue)
            }
        }
        if report.outcome.exitStatus != 0 { throw ExitCode(report.outcome.exitStatus) }
    }

    private func plan() throws -> ObservationPlan {
        let expect = expect ?? ""
        let isDigest = expect.count == 64 && expect.allSatisfy(\.isHexDigit)
        if !isDigest, access(expect, R_OK) != 0 {
            Console.complain("cannot read \(expect): \(String(cString: strerror(errno)))")
            throw ExitCode(ExitStatus.usage.rawValue)
        }
        let target: ObservationPlan.Target =
            if let selector = usb.flatMap({ DeviceSelector($0) }) {
                .usb(selector, lun: lun)
            } else {
                .block(path: block ?? "")
            }
        var plan = ObservationPlan(
            target: target, expected: isDigest ? .sha256(expect.lowercased()) : .file(path: expect))
        plan.randomReads = randomReads
        plan.seed = seed
        plan.isReadWrite = readWrite
        plan.timeout = .seconds(timeout)
        return plan
    }

    private func printDevices() throws {
        do throws(USBHostFailure) {
            for device in try USBHostConnection.devices() { print(device) }
        } catch {
            Console.complain(error.description)
            throw ExitCode(ExitStatus.environmentMissing.rawValue)
        }
    }
}
