import Foundation

/// Files that are either whole or not there.
enum FileWriting {
    /// Makes a folder and those above it; one that is there already is fine.
    static func makeFolder(_ path: String) throws(ArtefactError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw ArtefactError(
                path, "cannot be made: \(words(error))", "choose a folder that can be written to")
        }
    }

    /// Writes to a file beside it, then puts that in its place.
    static func write(_ bytes: [UInt8], to path: String) throws(ArtefactError) {
        do {
            try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw ArtefactError(
                path, "cannot be written: \(words(error))",
                "check its folder, its mode and the room on the disk")
        }
    }

    /// - Parameter limit: bytes; more is refused.
    static func read(_ path: String, limit: Int) throws(ArtefactError) -> [UInt8] {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw ArtefactError(path, "cannot be opened", "give a run folder as mediarig writes it")
        }
        defer { try? handle.close() }
        do {
            let data = try handle.read(upToCount: limit + 1) ?? Data()
            guard data.count <= limit else {
                throw ArtefactError(
                    path, "is larger than \(limit) bytes", "give a run folder as mediarig writes it")
            }
            return Array(data)
        } catch let error as ArtefactError {
            throw error
        } catch {
            throw ArtefactError(path, "cannot be read: \(words(error))", "check its mode")
        }
    }

    static func words(_ error: any Error) -> String {
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        if let underlying, underlying.domain == NSPOSIXErrorDomain {
            return String(cString: strerror(CInt(underlying.code)))
        }
        return error.localizedDescription
    }
}
