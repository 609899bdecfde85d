package import BlockStorage
import Glibc
import Threads
package import VirtualMedia

/// Opens images from where they really are: `https://` always, local files where allowed.
///
/// A writable image over HTTPS is the remote one under a copy-on-write overlay, since hardly any server
/// takes ranged writes. What is written lives as long as the store, in a sparse file without a name.
package struct SystemImageOpener: ImageOpener {
    package var options: HTTPSOptions
    /// Off for a BMC's service, where a remote user names the image: `file:///etc/shadow` is one too.
    package var allowsLocalFiles: Bool

    package init(options: HTTPSOptions = HTTPSOptions(), allowsLocalFiles: Bool = false) {
        self.options = options
        self.allowsLocalFiles = allowsLocalFiles
    }

    package func open(_ request: ImageRequest) async throws(ImageError) -> any BlockStore {
        switch try ImageLocation(request.url) {
        case .https(let location):
            let image = try await open(location, request)
            return request.isReadWrite ? try await overlay(over: image) : image
        case .file(let path):
            guard allowsLocalFiles else {
                throw ImageError(.unsupportedScheme, "local files are not allowed here: give an https:// URL")
            }
            return try LocalImage.open(path, isReadWrite: request.isReadWrite)
        }
    }

    private func open(_ location: HTTPSLocation, _ request: ImageRequest) async throws(ImageError)
        -> HTTPSStore
    {
        let opening = try HTTPSOpening(location: location, options: options, credentials: request.credentials)
        let deadline = Monotonic.now + request.timeout
        let result = await withTaskCancellationHandler {
            await BlockingThread.value("https open") {
                Result { () throws(ImageError) in try opening.store(deadline: deadline) }
            }
        } onCancel: {
            opening.connection.cancel()
        }
        guard let result else {
            throw ImageError(.unreadable, "the system has no thread left for a connection")
        }
        return try result.get()
    }

    private func overlay(over image: HTTPSStore) async throws(ImageError) -> OverlayStore {
        do throws(FileStoreError) { return try OverlayStore.inTemporaryFile(over: image) } catch {
            await image.close()
            throw ImageError(.writeNotSupported, "no room for what is written: \(error)")
        }
    }
}
