import Foundation
import Glibc
import HostObserver
internal import LinuxPlatform
import Scenarios
import Synchronization
internal import VirtualMedia
internal import Worlds

/// The scenario's images as files in a folder, and what befalls them there.
final class StoredImages: Sendable {
    /// Images are written out in full where they hold data.
    static let maximumDataBytes: UInt64 = 1 << 30
    private static let sparseUnit: UInt64 = 1 << 20
    private static let sparseStride: UInt64 = 16
    private static let writeUnitBytes: UInt64 = 8 << 20
    /// Of the first version; each change is this much later, so that clients who go by the date see it.
    private static let firstChange = 1_700_000_000
    private static let secondsBetweenChanges = 60

    /// What is served: one file for each image.
    let folder: String
    /// The same files under names that nobody changes.
    private let originals: String
    private let topology: Scenario.Topology
    private let changeCount = Mutex(0)

    init(_ topology: Scenario.Topology, in folder: PrivateFolder) throws(WorldFailure) {
        do throws(SystemError) {
            self.folder = try folder.makeFolder("images")
            originals = try folder.makeFolder("originals")
        } catch { throw WorldFailure("\(error)") }
        self.topology = topology
        for image in topology.images {
            try write(image, image.byteCount, seed: image.seed)
            guard link(path(of: image.name), "\(originals)/\(image.name)") == 0 else {
                throw Self.failure(image)
            }
        }
    }

    func path(of image: String) -> String { "\(folder)/\(image)" }

    /// What of an image has to be written: the rest is holes.
    static func dataBytes(of image: Scenario.Image) -> UInt64 {
        switch image.content {
        case .pattern: image.byteCount
        case .sparse:
            (image.byteCount + sparseStride * sparseUnit - 1) / (sparseStride * sparseUnit) * sparseUnit
        case .zeros: 0
        }
    }

    func change(_ change: Scenario.Step.ImageChange) throws(WorldFailure) {
        guard let image = topology.image(change.image) else {
            throw WorldFailure("there is no image \(change.image)")
        }
        switch change.kind {
        case .replace: try write(image, image.byteCount, seed: change.seed)
        case .resize:
            guard let byteCount = change.byteCount else {
                throw WorldFailure("image \(image.name): no size to resize to")
            }
            try write(image, byteCount, seed: image.seed)
        case .remove: unlink(path(of: image.name))
        case .restore: try restore(image)
        }
    }

    /// The very same file again, so that no client takes it for another version.
    private func restore(_ image: Scenario.Image) throws(WorldFailure) {
        unlink(fresh)
        guard link("\(originals)/\(image.name)", fresh) == 0, rename(fresh, path(of: image.name)) == 0 else {
            throw Self.failure(image)
        }
        // Between two names of one file rename(2) does nothing.
        unlink(fresh)
    }

    /// Where the next version is made; on no list of what is served.
    private var fresh: String { "\(originals)/.new" }

    /// Under another name first, so that nobody ever sees half of it.
    private func write(_ image: Scenario.Image, _ byteCount: UInt64, seed: UInt64) throws(WorldFailure) {
        var image = image
        image.byteCount = byteCount
        image.seed = seed
        guard Self.dataBytes(of: image) <= Self.maximumDataBytes else {
            throw WorldFailure("image \(image.name) holds more than \(Self.maximumDataBytes) bytes of data")
        }
        let fresh = self.fresh
        let descriptor = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure(image) }
        defer { close(descriptor) }
        for range in Self.dataRanges(of: image) {
            let bytes = SeededPattern.bytes(seed: image.seed, at: range.lowerBound, byteCount: range.count)
            var done = 0
            while done < bytes.count {
                let count = bytes.withUnsafeBytes {
                    pwrite(
                        descriptor, $0.baseAddress! + done, bytes.count - done,
                        off_t(range.lowerBound) + off_t(done))
                }
                guard count > 0 else { throw Self.failure(image) }
                done += count
            }
        }
        let number = changeCount.withLock { count in
            defer { count += 1 }
            return count
        }
        let time = timespec(tv_sec: Self.firstChange + number * Self.secondsBetweenChanges, tv_nsec: 0)
        guard ftruncate(descriptor, off_t(clamping: byteCount)) == 0,
            futimens(descriptor, [time, time]) == 0,
            rename(fresh, path(of: image.name)) == 0
        else { throw Self.failure(image) }
    }

    private static func failure(_ image: Scenario.Image) -> WorldFailure {
        WorldFailure("image \(image.name) cannot be written: \(String(cString: strerror(errno)))")
    }

    private static func dataRanges(of image: Scenario.Image) -> [Range<UInt64>] {
        let (step, length): (UInt64, UInt64)
        switch image.content {
        case .zeros: return []
        case .pattern: (step, length) = (writeUnitBytes, writeUnitBytes)
        case .sparse: (step, length) = (sparseUnit * sparseStride, sparseUnit)
        }
        return stride(from: 0, to: image.byteCount, by: Int(step)).map { start in
            start..<min(start + length, image.byteCount)
        }
    }
}
