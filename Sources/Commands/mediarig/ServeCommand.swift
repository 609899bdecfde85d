import ArgumentParser
import BlockStorage
import Glibc
import NBDServer

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves an image or URL over NBD, for any NBD client.",
        discussion: """
            Prints the NBD URI once it listens, and serves until SIGINT or SIGTERM. Without --unix or \
            --tcp it listens on a unix socket in a new private folder.

              mediarig serve disk.img                      # then: nbdinfo 'nbd+unix:///?socket=…'
              mediarig serve disk.img --tcp 127.0.0.1:10809
            """)

    @Argument(help: "A file, a block device, or an https:// URL.")
    var image: String

    @Option(help: ArgumentHelp("Listen on a unix socket.", valueName: "path"))
    var unix: String?

    @Option(help: ArgumentHelp("Listen on a TCP port; port 0 picks a free one.", valueName: "host:port"))
    var tcp: String?

    @Flag(help: "Let clients write.")
    var readWrite = false

    @Option(
        help: ArgumentHelp(
            "The name of the export; clients may also ask for the empty name.", valueName: "name"))
    var export = ""

    @Option(help: ArgumentHelp("Trust the certificates in this PEM file, for a URL.", valueName: "file"))
    var cafile: String?

    func validate() throws {
        if unix != nil, tcp != nil { throw ValidationError("--unix and --tcp exclude each other.") }
        if let tcp, Self.address(tcp) == nil {
            throw ValidationError("--tcp wants HOST:PORT, such as 127.0.0.1:10809, not '\(tcp)'.")
        }
        if export.utf8.count > 4096 || export.utf8.contains(0) {
            throw ValidationError("--export: a name has at most 4096 bytes and no NUL.")
        }
    }

    func run() async throws {
        let stopSignals = StopSignals()
        Console.prepare()
        let store = try await refusing {
            try await ImageArgument.open(image, isReadWrite: readWrite, caFile: cafile)
        }
        let (address, folder) = try listenAddress()
        let server = NBDServer(store: store, exportName: export)
        do {
            let bound = try refusing { () throws(ListenError) in try server.listen(on: address) }
            print(Self.absolute(bound).uri(exportName: export))
        } catch {
            removeFolder(folder)
            throw error
        }
        stopSignals.wait()
        await server.stop()
        await store.close()
        removeFolder(folder)
    }

    /// - Returns: the address, and the folder that was made for it.
    private func listenAddress() throws -> (ListenAddress, folder: String?) {
        if let tcp, let address = Self.address(tcp) { return (address, nil) }
        if let unix { return (.unix(path: unix), nil) }
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/mediarig-\(String(repeating: "X", count: 6))".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Refusal("\(base): cannot make a folder for the socket: \(String(cString: strerror(errno)))")
        }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (.unix(path: "\(folder)/nbd.sock"), folder)
    }

    /// The URI is for clients elsewhere in the file system.
    private static func absolute(_ address: ListenAddress) -> ListenAddress {
        guard case .unix(let path) = address, !path.hasPrefix("/"), let folder = getcwd(nil, 0) else {
            return address
        }
        defer { free(folder) }
        return .unix(path: "\(String(cString: folder))/\(path)")
    }

    private func removeFolder(_ folder: String?) {
        if let folder { rmdir(folder) }
    }

    /// `HOST:PORT`, with an IPv6 address in brackets.
    static func address(_ text: String) -> ListenAddress? {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
        return host.isEmpty ? nil : .tcp(host: String(host), port: port)
    }
}

/// Bad input, told on stderr; exit code 2.
struct Refusal: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Turns the typed error of a room below into text and exit code 2.
func refusing<Result>(_ body: () async throws -> Result) async throws -> Result {
    do {
        return try await body()
    } catch {
        Console.complain("\(error)")
        throw ExitCode(ExitStatus.usage.rawValue)
    }
}

func refusing<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws -> Result {
    do {
        return try body()
    } catch {
        Console.complain("\(error)")
        throw ExitCode(ExitStatus.usage.rawValue)
    }
}
