package import BlockStorage
import HTTPRanges
import Synchronization

/// One content that a path had, and what the server says of it.
package struct ImageVersion: Sendable {
    /// 0 as published; a replacement has the number it was asked for by; one that was cut off or grew
    /// counts from ``ImageArchive/firstResized``.
    package let generation: Int
    package let store: any BlockStore
    let subject: ImageResponse.Subject
    /// Whether the server says when it changed.
    let isDated: Bool
}

/// What the server says of a version, so that clients can tell it from others.
package enum ImageValidators: Equatable, Sendable {
    case entityTagAndDate
    /// As simple servers do: a replacement of the same size shows by its date only.
    case dateOnly
    /// Nothing but the size vouches for the content.
    case none
}

/// All contents that the server's paths ever had: the truth that a reader's bytes are held against.
package final class ImageArchive: Sendable {
    package static let firstResized = 1 << 20
    /// Versions of one path; a run that makes more is not testing images any more.
    package static let maximumVersions = 10_000
    private static let publishedAt: Int64 = 1_700_000_000

    private struct History {
        /// In the order in which they came to be; never empty.
        var versions: [ImageVersion]
        /// Index of what is served; `nil` once removed.
        var current: Int?
        var validators: ImageValidators
    }

    private let histories = Mutex<[String: History]>([:])

    init() {}

    func publish(_ store: any BlockStore, at path: String, validators: ImageValidators) {
        histories.withLock { histories in
            precondition(histories[path] == nil, "\(path) is published already: replace it")
            var history = History(versions: [], current: nil, validators: validators)
            Self.add(store, generation: 0, to: &history)
            histories[path] = history
        }
    }

    /// Serves that generation from now on; made up out of the first if it was never prepared.
    package func replace(_ path: String, withGeneration generation: Int) {
        change(path) { history in
            if let index = history.versions.firstIndex(where: { $0.generation == generation }) {
                history.current = index
            } else {
                let content = DerivedStore(history.versions[0].store, .replaced(generation: generation))
                Self.add(content, generation: generation, to: &history)
            }
        }
    }

    /// Serves this content from now on, under a generation of its own.
    package func replace(_ path: String, withGeneration generation: Int, _ store: any BlockStore) {
        change(path) { history in
            precondition(
                !history.versions.contains { $0.generation == generation },
                "\(path): generation \(generation) has a content already")
            Self.add(store, generation: generation, to: &history)
        }
    }

    /// Cuts off what is served, or lets it grow.
    package func resize(_ path: String, to byteCount: UInt64) {
        change(path) { history in
            guard let current = history.current else { return }
            let resized = history.versions.count { $0.generation >= Self.firstResized }
            let content = DerivedStore(history.versions[current].store, .resized(byteCount: byteCount))
            Self.add(content, generation: Self.firstResized + resized, to: &history)
        }
    }

    package func remove(_ path: String) { change(path) { $0.current = nil } }

    /// What is served now.
    package func current(_ path: String) -> ImageVersion? {
        histories.withLock { histories in
            histories[path].flatMap { history in history.current.map { history.versions[$0] } }
        }
    }

    /// In the order in which they came to be.
    package func versions(of path: String) -> [ImageVersion] {
        histories.withLock { $0[path]?.versions ?? [] }
    }

    /// What the path held at a generation.
    ///
    /// - Throws: ``StorageError/Code/invalid`` for a range outside it, or a generation that never was.
    package func trueBytes(of path: String, generation: Int, _ range: Range<UInt64>)
        async throws(StorageError) -> [UInt8]
    {
        guard let version = versions(of: path).first(where: { $0.generation == generation }) else {
            throw StorageError(.invalid, "\(path) never had a generation \(generation)")
        }
        return try await version.store.read(range.count, at: range.lowerBound)
    }

    /// The generations whose bytes at `offset` are these; several where contents agree there.
    package func generations(of path: String, holding bytes: [UInt8], at offset: UInt64)
        async throws(StorageError) -> [Int]
    {
        var found: [Int] = []
        for version in versions(of: path)
        where offset + UInt64(bytes.count) <= version.store.byteCount {
            if try await version.store.read(bytes.count, at: offset) == bytes {
                found.append(version.generation)
            }
        }
        return found
    }

    private func change(_ path: String, _ body: (inout History) -> Void) {
        histories.withLock { histories in
            precondition(histories[path] != nil, "\(path) was never published")
            body(&histories[path]!)
        }
    }

    private static func add(_ store: any BlockStore, generation: Int, to history: inout History) {
        precondition(history.versions.count < maximumVersions, "too many versions of one image")
        let tag = "\"\(String(store.byteCount, radix: 16))-g\(generation)\""
        history.versions.append(
            ImageVersion(
                generation: generation, store: store,
                subject: ImageResponse.Subject(
                    byteCount: store.byteCount,
                    entityTag: history.validators == .entityTagAndDate ? tag : "",
                    // A day's fraction later for each version will do.
                    modifiedAt: publishedAt + Int64(history.versions.count)),
                isDated: history.validators != .none))
        history.current = history.versions.count - 1
    }
}
