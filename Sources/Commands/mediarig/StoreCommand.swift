import ArgumentParser
import FaultPlan
import Foundation
import StoreService
import Threads

struct StoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "A store of images in which things go wrong on demand.",
        discussion: """
            Shows a directory as a file system, an HTTPS server and an SMB share, and injects faults into \
            them. `mediarig store DIRECTORY` is short for `mediarig store serve DIRECTORY`.

              mediarig store images --mount /mnt/store --https 8443
              mediarig store ctl add --kind store.latency --set latency=50ms
              mediarig store ctl heal
            """,
        subcommands: [StoreServeCommand.self, StoreControlCommand.self, StoreFaultsCommand.self],
        defaultSubcommand: StoreServeCommand.self)
}

struct StoreServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves a directory until SIGINT or SIGTERM.",
        discussion: """
            Prints one line once everything is up. Needs root, or the package fuse3, to mount; root and \
            Debian's samba to share.
            """)

    @Argument(help: "The directory with the images. Faults never change what it holds unless it is writable.")
    var directory: String

    @Option(help: ArgumentHelp("Mount it on this folder.", valueName: "path"))
    var mount: String?

    @Flag(help: "Let the kernel cache what is read through the mount: many reads then meet no fault.")
    var pageCache = false

    @Option(
        help: ArgumentHelp(
            "Serve it by HTTPS on this port of 127.0.0.1; 0 picks a free one.", valueName: "port"))
    var https: UInt16?

    @Option(
        help: ArgumentHelp(
            "Write the certificate that HTTPS clients have to trust to this file.", valueName: "file"))
    var certificate: String?

    @Option(
        help: ArgumentHelp(
            "Share it by SMB on this port of 127.0.0.1; 0 picks a free one.", valueName: "port"))
    var smb: UInt16?

    @Option(
        help: ArgumentHelp(
            "The newest SMB dialect on offer: NT1, SMB2_02, SMB2_10, SMB3_00, SMB3_11.", valueName: "dialect")
    )
    var smbDialect: String?

    enum Access: EnumerableFlag {
        case readOnly, readWrite

        static func help(for value: Access) -> ArgumentHelp? {
            switch value {
            case .readOnly: "Refuse writes."
            case .readWrite: "Let clients write, into the directory itself."
            }
        }
    }

    @Flag
    var access = Access.readOnly

    @Option(help: ArgumentHelp("Ask clients of HTTPS and SMB for this user.", valueName: "name"))
    var user: String?

    @Option(
        help: ArgumentHelp(
            "File with the user's password; - reads standard input. Without it: MEDIARIG_PASSWORD of the "
                + "environment.", valueName: "file"))
    var passwordFile: String?

    @Option(
        help: ArgumentHelp(
            "Let itself be controlled here: PORT or 127.0.0.1:PORT by HTTP, a path by a unix socket; "
                + "repeatable. Default: a socket of this user's.", valueName: "address"))
    var control: [String] = []

    @Option(help: ArgumentHelp("Begin with the faults in this file, JSON or YAML.", valueName: "file"))
    var faults: String?

    @Option(help: "Decides all chance in the faults.")
    var seed: UInt64 = 1

    @Option(
        help: ArgumentHelp(
            "Write every operation and injection to this file, as lines of JSON.", valueName: "file"))
    var log: String?

    @Flag(help: "Print what is up as JSON.")
    var json = false

    func validate() throws {
        guard mount != nil || https != nil || smb != nil else {
            throw ValidationError("Give at least one of --mount, --https and --smb.")
        }
        if passwordFile != nil, user == nil { throw ValidationError("--password-file goes with --user.") }
        if certificate != nil, https == nil { throw ValidationError("--certificate goes with --https.") }
        if smbDialect != nil, smb == nil { throw ValidationError("--smb-dialect goes with --smb.") }
        if pageCache, mount == nil { throw ValidationError("--page-cache goes with --mount.") }
        let dialects = ["NT1", "SMB2_02", "SMB2_10", "SMB3_00", "SMB3_02", "SMB3_11"]
        if let smbDialect, !dialects.contains(smbDialect) {
            throw ValidationError("--smb-dialect is one of \(dialects.joined(separator: ", ")).")
        }
        for text in control where ControlAddress(text) == nil {
            throw ValidationError(
                "--control wants PORT, 127.0.0.1:PORT or a path; other machines cannot control a store: '\(text)'."
            )
        }
    }

    func run() async throws {
        let stopSignals = StopSignals()
        let store = try refusing { () throws(StoreFailure) in try RunningStore(configuration()) }
        announce(store.status)
        guard store.hasMount else {
            stopSignals.wait()
            store.stop()
            return
        }
        // Somebody else may unmount it; then there is nothing left to serve.
        let process = getpid()
        _ = BlockingThread.start("store mount") {
            store.waitUntilUnmounted()
            kill(process, SIGTERM)
        }
        stopSignals.wait()
        store.stop()
    }

    private func configuration() throws(StoreFailure) -> RunningStore.Configuration {
        var configuration = RunningStore.Configuration(directory: directory)
        configuration.isReadOnly = access == .readOnly
        configuration.mountPoint = mount
        configuration.usesPageCache = pageCache
        configuration.httpsPort = https
        configuration.certificatePath = certificate
        configuration.smbPort = smb
        configuration.smbMaximumProtocol = smbDialect
        configuration.user = user
        if user != nil { configuration.password = try password() }
        configuration.controls = control.compactMap(ControlAddress.init)
        if control.isEmpty, let standard = ControlAddress.standard() { configuration.controls = [standard] }
        configuration.seed = seed
        configuration.logPath = log
        if let faults {
            guard let data = FileManager.default.contents(atPath: faults) else {
                throw StoreFailure("cannot read the faults in \(faults)")
            }
            configuration.faults = try FaultText.parse(String(decoding: data, as: UTF8.self))
        }
        return configuration
    }

    /// The first line of the file, or what the environment says; never an argument, which everybody sees.
    private func password() throws(StoreFailure) -> String {
        guard let passwordFile else {
            guard let password = ProcessInfo.processInfo.environment["MEDIARIG_PASSWORD"] else {
                throw StoreFailure("--user needs --password-file, or MEDIARIG_PASSWORD in the environment")
            }
            return password
        }
        let data =
            passwordFile == "-"
            ? FileHandle.standardInput.readDataToEndOfFile()
            : FileManager.default.contents(atPath: passwordFile)
        guard let data else { throw StoreFailure("cannot read the password file \(passwordFile)") }
        return String(decoding: data.prefix { $0 != 10 && $0 != 13 }, as: UTF8.self)
    }

    private func announce(_ status: StoreControl.Status) {
        let places = status.places
        guard !json else {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: (try? encoder.encode(status)) ?? Data(), as: UTF8.self))
            return
        }
        let words: [(String, String?)] = [
            ("mount", places.mount), ("https", places.https), ("certificate", places.certificate),
            ("smb", places.smb),
            ("control", places.control.isEmpty ? nil : places.control.joined(separator: " ")),
        ]
        let text = words.compactMap { word, value in value.map { "\(word) \($0)" } }
        print("ready: " + text.joined(separator: ", "))
    }
}

struct StoreFaultsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "faults", abstract: "Lists the faults that a store carries out.")

    @Flag(help: "Print JSON instead of text.")
    var json = false

    private struct Entry: Encodable {
        let name: String
        let effect: String
        let operations: [String]
        let parameters: [String]
    }

    func run() throws {
        let entries = FaultBook.kinds.map { kind in
            Entry(
                name: kind.name, effect: kind.effect, operations: kind.operations,
                parameters: kind.parameters.map(\.name))
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(entries), as: UTF8.self))
            return
        }
        for entry in entries {
            let list = entry.parameters.isEmpty ? "" : "(\(entry.parameters.joined(separator: ", ")))"
            print("\(entry.name)\(list)\n    \(entry.effect)")
        }
    }
}
