import BlockStorage
import ImageSources
import RemoteImages
import VirtualMedia

/// The image that a command is given by name: a path, or anything with a scheme.
enum ImageArgument {
    /// For everything up to the first byte of a remote image.
    static let openTimeout = Duration.seconds(30)

    static func open(_ name: String, isReadWrite: Bool, caFile: String?) async throws -> any BlockStore {
        guard name.contains("://") else { return try FileStore(path: name, isReadOnly: !isReadWrite) }
        let opener = SystemImageOpener(options: HTTPSOptions(caFile: caFile))
        return try await opener.open(
            ImageRequest(
                url: name, credentials: nil, isReadWrite: isReadWrite, timeout: Self.openTimeout))
    }
}
