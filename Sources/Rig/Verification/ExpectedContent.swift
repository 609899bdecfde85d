import BlockStorage
import Foundation
import HostObserver
import ImageSources
import RemoteImages
import VirtualMedia

/// What the host must see, prepared before anything is inserted.
enum ExpectedContent: Sendable {
    /// A file to compare with, byte by byte.
    case file(path: String, byteCount: UInt64)
    case digest(sha256: String, byteCount: UInt64?)

    /// How many bytes are read at a time while an image is hashed.
    private static let hashChunkBytes = 1 << 20

    var byteCount: UInt64? {
        switch self {
        case .file(_, let byteCount): byteCount
        case .digest(_, let byteCount): byteCount
        }
    }

    /// For a URL without an expectation, downloads it once, by itself, and remembers its digest.
    ///
    /// - Throws: ``PlanError`` when there is nothing to compare with.
    static func prepare(_ plan: VerificationPlan) async throws -> ExpectedContent {
        switch plan.expectation {
        case .file(let path): return try file(path)
        case .sha256(let digest):
            return .digest(
                sha256: digest.lowercased(), byteCount: plan.isRemote ? nil : try file(plan.image).byteCount)
        case .image where !plan.isRemote: return try file(plan.image)
        case .image: return try await download(plan)
        }
    }

    /// The same, as the observer takes it.
    func expectation() throws(ObserverError) -> Expectation {
        switch self {
        case .file(let path, _): .image(try ExpectedFile(path: path))
        case .digest(let sha256, let byteCount): .digest(sha256: sha256, byteCount: byteCount)
        }
    }

    private static func file(_ path: String) throws(PlanError) -> ExpectedContent {
        do throws(FileStoreError) {
            return .file(path: path, byteCount: try FileStore(path: path).byteCount)
        } catch {
            throw PlanError("\(error)")
        }
    }

    private static func download(_ plan: VerificationPlan) async throws -> ExpectedContent {
        let opener = SystemImageOpener(options: HTTPSOptions(caFile: plan.certificateAuthorityFile))
        let store: any BlockStore
        do throws(ImageError) {
            store = try await opener.open(
                ImageRequest(
                    url: plan.image, credentials: plan.credentials, isReadWrite: false, timeout: plan.timeout)
            )
        } catch {
            throw PlanError("\(error)")
        }
        let digest = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: hashChunkBytes, alignment: 4096)
        defer { buffer.deallocate() }
        var offset: UInt64 = 0
        do throws(StorageError) {
            while offset < store.byteCount {
                let count = Int(min(UInt64(buffer.count), store.byteCount - offset))
                let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                try await store.read(into: part, at: offset)
                digest.update(UnsafeRawBufferPointer(part))
                offset += UInt64(count)
            }
        } catch {
            await store.close()
            throw PlanError("\(plan.image): \(error)")
        }
        await store.close()
        return .digest(sha256: digest.finish(), byteCount: offset)
    }
}

extension VerificationPlan {
    var credentials: Credentials? {
        guard userName != nil || password != nil else { return nil }
        return Credentials(user: Array((userName ?? "").utf8), password: password ?? [])
    }
}
