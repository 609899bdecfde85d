import BlockStorage

/// The image that a command is given by name.
enum ImageArgument {
    static func open(_ name: String, isReadWrite: Bool) async throws -> any BlockStore {
        try FileStore(path: name, isReadOnly: !isReadWrite)
    }
}
