package import BlockStorage
import Synchronization
package import VirtualMedia

/// Opens `https://` images, over whatever connections, clock, tasks and chance it is given: nothing of it
/// knows whether they are real.
///
/// A writable image over HTTPS is the remote one under a copy-on-write overlay, since hardly any server
/// takes ranged writes. What is written lives as long as the store.
package struct RemoteImageOpener: ImageOpener {
    /// Puts a writable store over one that is not, or says why it cannot.
    package typealias MakeOverlay = @Sendable (any BlockStore) throws(ImageError) -> any BlockStore

    private let connector: any RangeConnector
    private let options: HTTPSOptions
    private let clock: any MediaClock
    private let spawner: any Spawner
    private let jitter: Jitter
    private let makeOverlay: MakeOverlay

    /// - Parameters:
    ///   - random: Decides how long pauses between tries are, within their limits.
    ///   - overlay: For images that are opened for writing; in memory unless told otherwise.
    package init(
        connector: any RangeConnector, options: HTTPSOptions = HTTPSOptions(), clock: any MediaClock,
        spawner: any Spawner, random: any RandomNumberGenerator & Sendable,
        overlay: @escaping MakeOverlay = { OverlayStore.inMemory(over: $0) }
    ) {
        self.connector = connector
        self.options = options
        self.clock = clock
        self.spawner = spawner
        self.jitter = Jitter(random)
        makeOverlay = overlay
    }

    package func open(_ request: ImageRequest) async throws(ImageError) -> any BlockStore {
        let location: HTTPSLocation
        switch try ImageLocation(request.url) {
        case .https(let https): location = https
        case .smb: throw ImageError(.unsupportedScheme, "smb:// is not served here: give an https:// URL")
        case .file:
            throw ImageError(.unsupportedScheme, "local files are not allowed here: give an https:// URL")
        }
        let image = try await open(location, request)
        guard request.isReadWrite else { return image }
        do throws(ImageError) { return try makeOverlay(image) } catch {
            await image.close()
            throw error
        }
    }

    private func open(_ location: HTTPSLocation, _ request: ImageRequest) async throws(ImageError)
        -> HTTPSStore
    {
        var authorization: AuthorizationHeader?
        if let credentials = request.credentials { authorization = try AuthorizationHeader(credentials) }
        var options = options
        if let authorities = request.authorities { options.authorities = authorities }
        if !request.allowsLocalAddresses { options.allowsLocalAddresses = false }
        let opening = HTTPSOpening(
            setting: FetchSetting(
                check: RangeResponseCheck(location: location, hadCredentials: authorization != nil),
                options: options, clock: clock, spawner: spawner, jitter: jitter,
                readFailed: request.readFailed),
            connector: connector, authorization: authorization, deadline: clock.now + request.timeout)
        let outcome = Outcome()
        // A connection may block its thread, and the caller's is not ours to block.
        let task = spawner.spawnIfPossible("https open", .ownThread) {
            let result: Result<HTTPSStore, ImageError>
            do throws(ImageError) { result = .success(try await opening.store()) } catch {
                result = .failure(error)
            }
            outcome.result.withLock { $0 = result }
        }
        guard let task else {
            throw ImageError(.unreadable, "the system has no thread left for a connection")
        }
        await withTaskCancellationHandler {
            await task.finished()
        } onCancel: {
            task.cancel()
        }
        guard let result = outcome.result.withLock({ $0 }) else {
            preconditionFailure("the opening ended without a result")
        }
        return try result.get()
    }

    private final class Outcome: Sendable {
        let result = Mutex<Result<HTTPSStore, ImageError>?>(nil)
    }
}
