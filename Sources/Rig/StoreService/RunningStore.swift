import Certificates
package import FaultPlan
package import FaultyFiles
import FaultyMount
import Foundation
import Glibc
import RemoteStore
import Synchronization

/// A store and whatever stands in front of it: a mount, an HTTPS server, an SMB share, and the interface
/// that controls them.
package final class RunningStore: Sendable {
    package struct Configuration: Sendable {
        package var directory: String
        package var isReadOnly = true
        package var mountPoint: String?
        package var usesPageCache = false
        package var httpsPort: UInt16?
        /// Where the certificate goes that clients have to trust; a private folder if `nil`.
        package var certificatePath: String?
        package var smbPort: UInt16?
        package var smbMaximumProtocol: String?
        /// Clients of HTTPS and SMB must name these.
        package var user: String?
        package var password: String?
        package var controls: [ControlAddress] = []
        package var faults: [Fault] = []
        package var seed: UInt64 = 1
        package var logPath: String?

        package init(directory: String) { self.directory = directory }
    }

    package let tree: FaultyTree
    package let book: FaultBook
    private let parts = Mutex(Parts())
    private let places: Mutex<StoreControl.Places>

    /// What was started, in the order of starting.
    private struct Parts {
        var folder: String?
        var mount: FuseMount?
        var https: ImageServer?
        var smb: SambaShare?
        var controls: [ControlServer] = []
    }

    /// Everything is up when it returns; nothing is left when it throws.
    package init(_ configuration: Configuration) throws(StoreFailure) {
        book = try FaultBook(configuration.faults, seed: configuration.seed) { access($0, F_OK) == 0 }
        let directory = realpath(configuration.directory, nil).map { pointer in
            defer { free(pointer) }
            return String(cString: pointer)
        }
        guard let directory else { throw StoreFailure(configuration.directory, errno: errno) }
        do throws(Errno) {
            let file = try configuration.logPath.map { path throws(Errno) in try LogFile(path: path) }
            tree = try FaultyTree(
                directory: directory, isReadOnly: configuration.isReadOnly, injector: book,
                recorder: OperationRecorder(file: file))
        } catch {
            throw StoreFailure(configuration.logPath ?? directory, errno: error.number)
        }
        places = Mutex(StoreControl.Places(directory: directory, isReadOnly: configuration.isReadOnly))
        do throws(StoreFailure) {
            try start(configuration)
        } catch {
            stop()
            throw error
        }
    }

    package var status: StoreControl.Status { control.status }

    /// As its control interface answers.
    package func answer(_ request: ControlRequest) -> ControlResponse { control.answer(request) }

    private var control: StoreControl {
        StoreControl(tree, book, smb: { [weak self] in self?.parts.withLock { $0.smb } }) { [weak self] in
            self?.places.withLock { $0 } ?? StoreControl.Places(directory: "", isReadOnly: true)
        }
    }

    private func start(_ configuration: Configuration) throws(StoreFailure) {
        try startMount(configuration)
        try startHTTPS(configuration)
        try startSMB(configuration)
        let control = control
        for address in configuration.controls {
            let server = try ControlServer(at: address) { control.answer($0) }
            parts.withLock { $0.controls.append(server) }
            places.withLock { $0.control.append(server.address.description) }
        }
    }

    private func startMount(_ configuration: Configuration) throws(StoreFailure) {
        var path = configuration.mountPoint
        // Samba serves what is mounted, so it needs a mount even where nobody asked for one.
        if path == nil, configuration.smbPort != nil {
            let own = try privateFolder() + "/mnt"
            guard mkdir(own, 0o700) == 0 else { throw StoreFailure(own, errno: errno) }
            path = own
        }
        guard let path else { return }
        do throws(MountFailure) {
            let mount = try FuseMount(tree, at: path, usesPageCache: configuration.usesPageCache)
            parts.withLock { $0.mount = mount }
            places.withLock { $0.mount = mount.path }
        } catch {
            throw StoreFailure(error.description)
        }
    }

    private func startHTTPS(_ configuration: Configuration) throws(StoreFailure) {
        guard let port = configuration.httpsPort else { return }
        let certificate: String
        if let path = configuration.certificatePath {
            certificate = path
        } else {
            certificate = try privateFolder() + "/ca.pem"
        }
        do {
            let authority = try CertificateAuthority(name: "MediaRig store")
            try authority.writeCertificate(to: certificate)
            var server = ImageServer.Configuration()
            server.port = port
            server.folder = TreeImages(tree: tree)
            let faults = ServerFaults(book: book, tree: tree)
            server.answerFaults = { faults.answer($0) }
            server.handshakeFaults = { faults.handshake($0) }
            server.user = configuration.user
            server.password = configuration.password
            let https = try ImageServer(authority: authority, server)
            parts.withLock { $0.https = https }
            places.withLock { places in
                places.https = https.url("/")
                places.certificate = certificate
            }
        } catch {
            throw StoreFailure("https: \(error)")
        }
    }

    private func startSMB(_ configuration: Configuration) throws(StoreFailure) {
        guard let port = configuration.smbPort, let mount = parts.withLock({ $0.mount?.path }) else { return }
        let folder = try privateFolder() + "/samba"
        guard mkdir(folder, 0o700) == 0 else { throw StoreFailure(folder, errno: errno) }
        var share = SambaShare.Configuration(
            folder: mount, port: try port == 0 ? Self.freePort() : port, stateFolder: folder)
        share.isReadOnly = configuration.isReadOnly
        share.user = configuration.user
        share.password = configuration.password
        share.maximumProtocol = configuration.smbMaximumProtocol
        let smb = try SambaShare(share)
        parts.withLock { $0.smb = smb }
        places.withLock { $0.smb = smb.url }
    }

    /// One that is free now; smbd cannot choose by itself.
    private static func freePort() throws(StoreFailure) -> UInt16 {
        let probe = try ControlServer(at: .loopback(port: 0)) { _ in ControlResponse(json: "") }
        defer { probe.stop() }
        guard case .loopback(let port) = probe.address else { throw StoreFailure("no free port") }
        return port
    }

    private func privateFolder() throws(StoreFailure) -> String {
        if let known = parts.withLock({ $0.folder }) { return known }
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/mediarig-store-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw StoreFailure("\(base): make a folder", errno: errno) }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        parts.withLock { $0.folder = folder }
        return folder
    }

    /// Ends everything, and leaves nothing behind. Harmless when repeated.
    package func stop() {
        let parts = parts.withLock { parts in
            defer { parts = Parts() }
            return parts
        }
        for control in parts.controls { control.stop() }
        // First, so that no server waits for what never comes.
        tree.waitingRoom.stop()
        parts.https?.stop()
        parts.smb?.stop()
        parts.mount?.stop()
        guard let folder = parts.folder else { return }
        // Never what is mounted: if it could not be unmounted, it stays.
        guard rmdir("\(folder)/mnt") == 0 || errno == ENOENT else { return }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Returns when the mount is gone without having been asked; at once where there is none.
    package func waitUntilUnmounted() { parts.withLock { $0.mount }?.waitUntilEnded() }

    package var hasMount: Bool { parts.withLock { $0.mount != nil } }
}
