import HTTPRanges

extension ImageServer {
    /// - Returns: `nil` when nothing of that name is served.
    func image(for request: HTTPRequestHead) -> ServedImage? {
        guard let name = request.path else { return nil }
        if let image = configuration.images[name] { return image }
        // One component, so that no path leads out of the folder.
        guard name.hasPrefix("/"), !name.dropFirst().contains("/"),
            !["", ".", ".."].contains(name.dropFirst()), !name.utf8.contains(0)
        else { return nil }
        if let folder = configuration.folder { return .kept(by: folder, name: String(name.dropFirst())) }
        return configuration.directory.map { .file(path: $0 + name) }
    }

    var credentials: BasicCredentials? {
        configuration.user.map { BasicCredentials(user: $0, password: configuration.password ?? "") }
    }
}
