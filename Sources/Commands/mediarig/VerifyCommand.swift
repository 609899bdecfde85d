import ArgumentParser
import Foundation
import Verification
import VirtualMedia

extension VerificationPlan.Mode: ExpressibleByArgument {}
extension VerificationPlan.MediumKind: ExpressibleByArgument {}

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Inserts an image and proves that the host sees exactly its bytes.",
        discussion: """
            Drives the real virtual media service through an emulated BMC: image source, NBD server, message bus, nbd, \
            USB gadget. An emulated host enumerates the device, reads every block and compares.

              mediarig verify disk.img
              mediarig verify installer.iso --as cdrom --mode legacy
              mediarig verify https://server/disk.img --cafile ca.pem --expect disk.img
            """)

    @Argument(help: "A file, or an https:// URL.")
    var image: String?

    @Flag(help: "Make a bootable ISO and a FAT disk, and verify both in each mode, read-only and read-write.")
    var demo = false

    @Option(
        help: ArgumentHelp(
            "What the host must see: a file, or 64 hexadecimal digits of SHA-256. Default: the image itself; a URL is "
                + "downloaded once more and compared by its SHA-256.", valueName: "file|sha256"))
    var expect: String?

    @Option(
        help: ArgumentHelp(
            "legacy: the BMC fetches the image by HTTPS (a file from a server started here). proxy: a client serves it. "
                + "Default: legacy for a URL, proxy for a file."))
    var mode: VerificationPlan.Mode?

    @Option(name: .customLong("as"), help: "The medium that the host is shown.")
    var medium = VerificationPlan.MediumKind.disk

    @Flag(help: "Let the host write too: seeded blocks, flush, read back. The image itself is never changed.")
    var readWrite = false

    @Option(help: ArgumentHelp("Reads at random places after the sequential one.", valueName: "n"))
    var randomReads = 64

    @Flag(
        help:
            "Read only the first, the last and the random blocks, of an image too large to read. Never counts as proven."
    )
    var sample = false

    @Option(help: ArgumentHelp("Decides random places and written bytes.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("The slot to use. Default: the first one of the mode.", valueName: "name"))
    var slot: String?

    @Option(
        help: ArgumentHelp("The BMC's virtual media configuration. Default: four slots.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Trust the certificates in this PEM file, for a URL.", valueName: "file"))
    var cafile: String?

    @Option(help: ArgumentHelp("User name for the image server.", valueName: "name"))
    var user: String?

    @Option(
        help: ArgumentHelp(
            "File with the password for the image server; - reads it from standard input.", valueName: "file")
    )
    var passwordFile: String?

    @Option(help: ArgumentHelp("Limit for each step that waits, in seconds.", valueName: "seconds"))
    var timeout = 30

    @Flag(help: "Leave the cable unplugged: the medium is inserted and no host sees it.")
    var noHost = false

    @Flag(help: "The host is elsewhere: it imports the device over USB/IP, on loopback.")
    var usbip = false

    @Flag(help: "Print the report as JSON.")
    var json = false

    func validate() throws {
        guard demo == (image == nil) else {
            throw ValidationError(demo ? "--demo makes its own images." : "Give an image, or --demo.")
        }
        guard (0...1_000_000).contains(randomReads) else {
            throw ValidationError("--random-reads is 0 to 1000000.")
        }
        guard (1...3600).contains(timeout) else { throw ValidationError("--timeout is 1 to 3600 seconds.") }
        if usbip, noHost || demo {
            throw ValidationError("--usbip needs a host, and one image: not with --no-host or --demo.")
        }
        if readWrite, medium == .cdrom {
            throw ValidationError("A CD-ROM is read-only: drop --read-write or use --as disk.")
        }
    }

    func run() async throws {
        HeapMemory.keepForReuse()
        Interruption.clearsUp()
        let reports: [VerificationReport]
        do {
            reports = demo ? try await DemoRun(json: json).run() : [try await verify(try plan())]
        } catch let error as PlanError {
            Console.complain(error.description)
            throw ExitCode(ExitStatus.usage.rawValue)
        } catch let error as SystemError {
            Console.complain(error.description)
            throw ExitCode(ExitStatus.environmentMissing.rawValue)
        } catch let error as DemoFailure {
            Console.complain(error.description)
            throw ExitCode(ExitStatus.environmentMissing.rawValue)
        }
        if json { try printJSON(reports) }
        let status = VerificationReport.exitStatus(of: reports)
        if status != 0 { throw ExitCode(status) }
    }

    private func verify(_ plan: VerificationPlan) async throws -> VerificationReport {
        let bar = ProgressBar()
        let report = try await Verification(plan) { bar.show($0) }.run()
        bar.clear()
        if !json { print(ReportText.render(report, hasColour: Console.isTerminal), terminator: "") }
        return report
    }

    private func plan() throws -> VerificationPlan {
        var plan = VerificationPlan(image: image ?? "")
        plan.mode = mode ?? (plan.isRemote ? .legacy : .proxy)
        plan.medium = medium
        plan.isReadWrite = readWrite
        plan.randomReads = randomReads
        plan.isSampled = sample
        plan.seed = seed
        plan.slot = slot
        plan.configurationFile = config
        plan.certificateAuthorityFile = try cafile.map {
            try CertificateFile.checked($0, isUsed: plan.isRemote)
        }
        plan.userName = user
        plan.password = try passwordFile.map(Self.password)
        plan.isHostPresent = !noHost
        plan.isOverUSBIP = usbip
        plan.timeout = .seconds(timeout)
        if let expect {
            let isDigest = expect.count == 64 && expect.allSatisfy(\.isHexDigit)
            plan.expectation = isDigest ? .sha256(expect) : .file(expect)
        }
        return plan
    }

    /// The first line of a file, without its end.
    private static func password(_ path: String) throws -> [UInt8] {
        let data =
            path == "-"
            ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: path)
        guard let data else {
            let cause = access(path, R_OK) == 0 ? "it is no file" : String(cString: strerror(errno))
            throw PlanError("cannot read the password file \(path): \(cause)")
        }
        return Array(data.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") })
    }

    private func printJSON(_ reports: [VerificationReport]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let data = demo ? try encoder.encode(reports) : try encoder.encode(reports[0])
        print(String(decoding: data, as: UTF8.self))
    }
}
