import ArgumentParser
import BlockStorage
import Foundation
import FrontPlatform
import HTTPTransport
import ImageAttachment
import LinuxPlatform
import Synchronization

struct AttachCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach",
        abstract: "Serves a local image to a BMC over its WebSocket, without a browser.",
        discussion: """
            The host sees the image as a USB drive for as long as this runs. SIGINT or SIGTERM ejects it through \
            Redfish and serves on until that is done, so that what the host has written is stored; a second one \
            gives up. A connection that is lost is made again.

              mediarig attach rescue.iso --bmc https://bmc.example --slot 0 --user admin

            The password comes from MEDIARIG_PASSWORD or --password-file, never from the command line. Exit \
            status: 0 ejected, 1 given up while the host may have had something to store, 3 the BMC went out of reach, \
            6 it refused.
            """)

    @Argument(help: "A file, a block device, or an https:// URL.")
    var image: String

    @Option(help: ArgumentHelp("The BMC: https://host or https://host:port.", valueName: "url"))
    var bmc: String

    @Option(help: ArgumentHelp("Number of the Proxy slot, or the path of its WebSocket.", valueName: "slot"))
    var slot = "0"

    @Option(help: ArgumentHelp("Who logs in.", valueName: "name"))
    var user = "admin"

    @Option(help: ArgumentHelp("File with the password in its first line.", valueName: "file"))
    var passwordFile: String?

    @Option(help: ArgumentHelp("Trust the certificates in this PEM file, and no others.", valueName: "file"))
    var cafile: String?

    @Flag(help: "Trust whoever answers. For tests.")
    var insecure = false

    @Flag(help: "Let the host write to the image.")
    var readWrite = false

    @Option(
        help: ArgumentHelp("How long a lost connection is sought, in seconds.", valueName: "seconds"))
    var reconnect = 30

    func validate() throws {
        if insecure, cafile != nil { throw ValidationError("--insecure and --cafile exclude each other.") }
        guard (0...86_400).contains(reconnect) else {
            throw ValidationError("--reconnect: 0 to 86400 seconds, not \(reconnect).")
        }
        if Self.place(bmc) == nil {
            throw ValidationError("--bmc wants https://host or https://host:port, not '\(bmc)'.")
        }
    }

    func run() async throws {
        let stopSignals = StopSignals()
        Console.prepare()
        guard let (host, port) = Self.place(bmc) else { return }
        let store = try await refusing {
            try await ImageArgument.open(image, isReadWrite: readWrite, caFile: nil)
        }
        let target = ImageAttachment.Target(
            host: host, port: port, path: slot.hasPrefix("/") ? slot : "/nbd/\(slot)",
            fields: [("Authorization", try authorization())])
        var limits = ImageAttachment.Limits()
        limits.reconnect = .seconds(reconnect)
        let attachment = ImageAttachment(
            store, to: target, WebSocketClient(trust: try trust()), clock: SystemClock(),
            spawner: SystemSpawner(), limits: limits
        ) { news in
            switch news {
            case .connected: print("connected to \(bmc), slot \(slot)")
            case .lost(let why, let attempt): print("lost: \(why); trying again (\(attempt))")
            }
        }
        let ejection = SlotEjection(target, trust: try ejectionTrust())
        let hasGivenUp = Mutex(false)
        let stopper = Thread {
            stopSignals.wait()
            Task { await eject(ejection, attachment) }
            stopSignals.wait()
            hasGivenUp.withLock { $0 = true }
            Task { await attachment.stop() }
        }
        stopper.start()
        let end = await attachment.run()
        await store.close()
        if hasGivenUp.withLock({ $0 }) {
            guard readWrite else { return print("stopped without an eject") }
            Console.complain("given up: what the host has written and not flushed is not in \(image)")
            throw ExitCode(ExitStatus.failed.rawValue)
        }
        switch end {
        case .done: print("ejected")
        case .refused(let why):
            Console.complain(why)
            throw ExitCode(ExitStatus.environmentMissing.rawValue)
        case .unreachable(let why):
            Console.complain("out of reach: \(why)")
            throw ExitCode(ExitStatus.notLive.rawValue)
        }
    }

    /// The attachment ends by itself once the BMC has let the medium go.
    private func eject(_ ejection: SlotEjection, _ attachment: ImageAttachment) async {
        print("ejecting; interrupt again to give up")
        if readWrite, !attachment.isServing {
            print("the connection is lost; what the host has written can be stored once it is back")
            await attachment.servingBegins()
        }
        do throws(SlotEjection.Failure) { try await ejection.run() } catch {
            guard readWrite else {
                // Nothing is lost: the host could not write.
                return await attachment.stop()
            }
            Console.complain(
                "cannot eject: \(error); still serving. Eject it on the host, or interrupt again to give up "
                    + "what the host has not flushed")
        }
    }

    private func ejectionTrust() throws -> CurlRequest.Trust {
        switch try trust() {
        case .system: .system
        case .authorities(let pem): .authorities(pem)
        case .anybody: .anybody
        }
    }

    /// RFC 7617.
    private func authorization() throws -> String {
        let password: String
        if let passwordFile {
            guard let text = try? String(contentsOfFile: passwordFile, encoding: .utf8),
                let line = text.split(separator: "\n", omittingEmptySubsequences: false).first
            else { throw Refusal("--password-file: cannot read \(passwordFile)") }
            password = String(line)
        } else {
            guard let given = ProcessInfo.processInfo.environment["MEDIARIG_PASSWORD"] else {
                throw Refusal("no password: set MEDIARIG_PASSWORD, or name a file with --password-file")
            }
            password = given
        }
        return "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
    }

    private func trust() throws -> WebSocketClient.Trust {
        if insecure { return .anybody }
        guard let cafile else { return .system }
        guard let pem = try IdentityFolder.read(cafile) else {
            throw Refusal("--cafile: there is no \(cafile)")
        }
        return .authorities(pem)
    }

    /// - Returns: `nil` for anything but https://host[:port][/].
    static func place(_ text: String) -> (host: String, port: Int)? {
        guard let url = URLComponents(string: text), url.scheme?.lowercased() == "https",
            let host = url.host, !host.isEmpty, ["", "/"].contains(url.path), url.query == nil,
            url.user == nil
        else { return nil }
        return (host.trimmingCharacters(in: ["[", "]"]), url.port ?? 443)
    }
}
