package import BlockStorage
import Glibc
package import VirtualMedia

/// Opens images from where they really are: `https://` always, local files where allowed.
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
        case .https(let location): return try await open(location, request)
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
        guard !request.isReadWrite else {
            throw ImageError(
                .writeNotSupported, "\(location.shown): images over HTTPS are read-only: mount it so")
        }
        let opening = try HTTPSOpening(location: location, options: options, credentials: request.credentials)
        let deadline = Monotonic.now + request.timeout
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation {
                (continuation: CheckedContinuation<Result<HTTPSStore, ImageError>, Never>) in
                WorkerThread.start("https-open") {
                    continuation.resume(
                        returning: Result { () throws(ImageError) in try opening.store(deadline: deadline) })
                }
            }
        } onCancel: {
            opening.connection.cancel()
        }
        return try result.get()
    }
}
