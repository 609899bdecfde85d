package import BlockStorage
import Glibc
package import VirtualMedia

/// Opens images from where they really are: `https://` always.
package struct SystemImageOpener: ImageOpener {
    package var options: HTTPSOptions

    package init(options: HTTPSOptions = HTTPSOptions()) { self.options = options }

    package func open(_ request: ImageRequest) async throws(ImageError) -> any BlockStore {
        switch try ImageLocation(request.url) {
        case .https(let location): return try await open(location, request)
        case .file:
            throw ImageError(.unsupportedScheme, "local files are not allowed here: give an https:// URL")
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
