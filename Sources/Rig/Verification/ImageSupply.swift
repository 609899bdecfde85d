import BlockStorage
import Certificates
import Foundation
import HTTPRanges
import LinuxPlatform
import NBDServer
import RemoteStore
import VirtualMedia

/// The left end of the path: whatever has to serve the image for this run.
final class ImageSupply: Sendable {
    /// What the mount call names; empty in Proxy mode.
    let url: String
    /// Trusted for `url`.
    let certificateAuthorityFile: String?
    /// Where host writes must turn up, if this side holds the overlay.
    let overlay: OverlayStore?
    /// For the report.
    let description: String
    private let nbd: NBDServer?
    private let https: ImageServer?
    private let store: (any BlockStore)?

    private init(
        url: String, certificateAuthorityFile: String?, overlay: OverlayStore?, description: String,
        nbd: NBDServer?,
        https: ImageServer?, store: (any BlockStore)?
    ) {
        self.url = url
        self.certificateAuthorityFile = certificateAuthorityFile
        self.overlay = overlay
        self.description = description
        self.nbd = nbd
        self.https = https
        self.store = store
    }

    /// - Throws: ``PlanError`` with cause and remedy.
    static func start(_ plan: VerificationPlan, socket: String, folder: PrivateFolder) throws(PlanError)
        -> ImageSupply
    {
        switch (plan.mode, plan.isRemote) {
        case (.legacy, true):
            return ImageSupply(
                url: plan.image, certificateAuthorityFile: plan.certificateAuthorityFile, overlay: nil,
                description: plan.image, nbd: nil, https: nil, store: nil)
        case (.legacy, false): return try ownServer(plan, folder)
        case (.proxy, false): return try proxy(plan, socket)
        case (.proxy, true):
            throw PlanError(
                "\(plan.image): a client serves local files in Proxy mode; use --mode legacy for a URL")
        }
    }

    /// A client's NBD server on the slot's socket, as a browser's would be behind the proxy.
    private static func proxy(_ plan: VerificationPlan, _ socket: String) throws(PlanError) -> ImageSupply {
        let file = try openFile(plan.image)
        let overlay = plan.isReadWrite ? try overlay(over: file) : nil
        let store: any BlockStore = overlay ?? file
        let server = NBDServer(store: store)
        do throws(ListenError) { _ = try server.listen(on: .unix(path: socket)) } catch {
            throw PlanError("\(error)")
        }
        return ImageSupply(
            url: "", certificateAuthorityFile: nil, overlay: overlay, description: "NBD server on \(socket)",
            nbd: server, https: nil, store: store)
    }

    /// An HTTPS server on loopback with a certificate authority made for this run.
    private static func ownServer(_ plan: VerificationPlan, _ folder: PrivateFolder) throws(PlanError)
        -> ImageSupply
    {
        _ = try openFile(plan.image)
        let name = "/" + (plan.image.split(separator: "/").last.map(String.init) ?? "image")
        let path = name.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? name
        do {
            let authority = try CertificateAuthority(name: "MediaRig run authority")
            let authorityFile = folder.file("ca.pem")
            try authority.writeCertificate(to: authorityFile)
            var configuration = ImageServer.Configuration()
            // Servers look a name up after decoding it.
            configuration.images = [name: .file(path: plan.image)]
            configuration.user = plan.userName
            configuration.password = plan.password.map { String(decoding: $0, as: UTF8.self) }
            let server = try ImageServer(try authority.issue(), configuration)
            return ImageSupply(
                url: server.url(path), certificateAuthorityFile: authorityFile, overlay: nil,
                description: "HTTPS server at \(server.url(path)), own CA", nbd: nil, https: server,
                store: nil)
        } catch {
            throw PlanError("cannot start an HTTPS server for \(plan.image): \(error)")
        }
    }

    private static func openFile(_ path: String) throws(PlanError) -> FileStore {
        do throws(FileStoreError) { return try FileStore(path: path) } catch { throw PlanError("\(error)") }
    }

    private static func overlay(over base: FileStore) throws(PlanError) -> OverlayStore {
        do throws(FileStoreError) { return try OverlayStore.inTemporaryFile(over: base) } catch {
            throw PlanError("cannot make an overlay: \(error)")
        }
    }

    /// - Returns: what is still there, in words.
    func stop() async -> [String] {
        await nbd?.stop()
        let isStopped = https?.stop() ?? true
        await store?.close()
        return isStopped ? [] : ["a thread of the HTTPS server"]
    }
}
