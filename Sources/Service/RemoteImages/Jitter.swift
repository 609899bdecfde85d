import Synchronization

/// Chance for the pauses between tries, drawn from the generator that the opener was given.
final class Jitter: Sendable {
    private let generator: Mutex<any RandomNumberGenerator & Sendable>

    init(_ generator: any RandomNumberGenerator & Sendable) { self.generator = Mutex(generator) }

    /// From 0 to 1.
    func draw() -> Double { generator.withLock { Self.draw(&$0) } }

    private static func draw(_ generator: inout some RandomNumberGenerator) -> Double {
        Double.random(in: 0...1, using: &generator)
    }
}
