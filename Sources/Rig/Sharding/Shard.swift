/// One part of a run that is spread over several machines: part `index` of `count`, counted from 1.
package struct Shard: Equatable, Hashable, Codable, Sendable, CustomStringConvertible {
    /// Parts that one run may be cut into.
    package static let maximumCount = 100_000

    /// 1...count.
    package let index: Int
    package let count: Int

    /// Everything in one part.
    package static let whole = Shard(uncheckedIndex: 1, count: 1)

    package init(index: Int, count: Int) throws(ShardError) {
        guard (1...Self.maximumCount).contains(count) else {
            throw ShardError(
                "a run cannot be cut into \(count) shards", "give a count of 1 to \(Self.maximumCount)")
        }
        guard (1...count).contains(index) else {
            throw ShardError(
                "there is no shard \(index) of \(count)",
                "shards are counted from 1: 1/\(count) to \(count)/\(count)")
        }
        self.init(uncheckedIndex: index, count: count)
    }

    private init(uncheckedIndex index: Int, count: Int) {
        self.index = index
        self.count = count
    }

    /// - Parameter text: "3/16": the third of sixteen.
    package init(_ text: String) throws(ShardError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let index = Self.number(parts[0]), let count = Self.number(parts[1]) else {
            throw ShardError("'\(text)' is no shard", "write it as I/N, counted from 1: 3/16, or auto")
        }
        try self.init(index: index, count: count)
    }

    package var description: String { "\(index)/\(count)" }

    /// Digits only: `Int` would also take a sign.
    static func number(_ text: some StringProtocol) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(
            index: container.decode(Int.self, forKey: .index),
            count: container.decode(Int.self, forKey: .count))
    }
}

/// A shard that does not exist, or variables that do not say which one this is.
package struct ShardError: Error, Equatable, CustomStringConvertible {
    package let cause: String
    package let remedy: String

    package init(_ cause: String, _ remedy: String) {
        self.cause = cause
        self.remedy = remedy
    }

    package var description: String { "\(cause): \(remedy)" }
}
