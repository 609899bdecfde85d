package import BlockStorage
import LinuxPlatform
package import RemoteImages
package import VirtualMedia

/// Opens images from where they really are: `https://` always, local files where allowed.
///
/// What is written to a writable image over HTTPS is kept in a sparse file without a name.
package struct SystemImageOpener: ImageOpener {
    package var options: HTTPSOptions
    /// Off for a BMC's service, where a remote user names the image: `file:///etc/shadow` is one too.
    package var allowsLocalFiles: Bool
    /// Where what is written to images over HTTPS is kept while they are mounted.
    package var scratchFolder: String

    private let clock: any MediaClock
    private let spawner: any Spawner

    /// - Parameter spawner: starts the threads that fetch; one of theirs blocks.
    package init(
        options: HTTPSOptions = HTTPSOptions(), allowsLocalFiles: Bool = false,
        scratchFolder: String = "/var/tmp", clock: any MediaClock = SystemClock(),
        spawner: any Spawner = SystemSpawner()
    ) {
        self.options = options
        self.allowsLocalFiles = allowsLocalFiles
        self.scratchFolder = scratchFolder
        self.clock = clock
        self.spawner = spawner
    }

    package func open(_ request: ImageRequest) async throws(ImageError) -> any BlockStore {
        if allowsLocalFiles, case .file(let path) = try ImageLocation(request.url) {
            return try LocalImage.open(path, isReadWrite: request.isReadWrite)
        }
        let opener = RemoteImageOpener(
            connector: CurlConnector(), options: options, clock: clock, spawner: spawner,
            random: SystemRandomNumberGenerator(), overlay: overlay)
        return try await opener.open(request)
    }

    private var overlay: RemoteImageOpener.MakeOverlay {
        { [scratchFolder] image throws(ImageError) in
            do throws(FileStoreError) {
                return try OverlayStore.inTemporaryFile(over: image, folder: scratchFolder)
            } catch {
                throw ImageError(.writeNotSupported, "no room for what is written: \(error)")
            }
        }
    }
}
