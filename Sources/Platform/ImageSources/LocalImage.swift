internal import BlockStorage
internal import VirtualMedia

/// A file or block device of this machine as an image.
enum LocalImage {
    static func open(_ path: String, isReadWrite: Bool) throws(ImageError) -> FileStore {
        do throws(FileStoreError) {
            return try FileStore(path: path, isReadOnly: !isReadWrite)
        } catch {
            throw ImageError(cause(of: error), error.description)
        }
    }

    private static func cause(of error: FileStoreError) -> ImageError.Cause {
        switch error.cause {
        case .notFound: .notFound
        case .isDirectory: .isDirectory
        case .empty: .empty
        case .notWritable: .writeNotSupported
        case .unreadable, .notAFile, .busy, .other: .unreadable
        }
    }
}
