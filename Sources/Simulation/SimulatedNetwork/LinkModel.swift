import Glibc
import SimulatedTime

/// How one direction of a connection behaves, as tc-netem(8) puts it. The stream stays ordered and
/// whole: what a lossy path costs is time.
package struct LinkModel: Equatable, Sendable {
    /// From sending to arriving, before ``jitter``.
    package var latency: Duration
    package var jitter: Jitter
    /// `nil` sends without limit.
    package var bytesPerSecond: Int?
    /// Of each segment, from 0 to 1.
    package var lossProbability: Double
    /// Nothing arrives until the model is changed again; what is sent meanwhile then does.
    package var isBlackHole: Bool

    package init(
        latency: Duration = .zero, jitter: Jitter = .none, bytesPerSecond: Int? = nil,
        lossProbability: Double = 0, isBlackHole: Bool = false
    ) {
        precondition((0...1).contains(lossProbability), "a probability of \(lossProbability)")
        precondition(bytesPerSecond.map { $0 > 0 } ?? true, "a bandwidth of \(bytesPerSecond ?? 0) bytes/s")
        self.latency = latency
        self.jitter = jitter
        self.bytesPerSecond = bytesPerSecond
        self.lossProbability = lossProbability
        self.isBlackHole = isBlackHole
    }

    /// As between two processes of one machine: at once.
    package static let local = LinkModel()

    var isInstant: Bool {
        latency == .zero && jitter == .none && bytesPerSecond == nil && lossProbability == 0 && !isBlackHole
    }

    /// What is added to the latency, drawn for each segment; the sum is never negative.
    package enum Jitter: Equatable, Sendable {
        case none
        /// Always this much.
        case constant(Duration)
        /// Evenly between minus and plus this much.
        case uniform(Duration)
        /// Around zero, with this standard deviation.
        case normal(Duration)
        /// From zero on, mostly about `scale`, with a tail that is the heavier the smaller `shape` is.
        case pareto(scale: Duration, shape: Double)
    }
}

extension LinkModel.Jitter {
    /// Pareto draws beyond this multiple of the scale are cut: a tail without end is no network's.
    static let maximumParetoFactor = 1000.0

    func draw(from random: inout RandomStream) -> Duration {
        switch self {
        case .none: return .zero
        case .constant(let span): return span
        case .uniform(let span): return span * Double.random(in: -1...1, using: &random)
        case .normal(let deviation):
            // Box-Muller; the logarithm's argument must not be zero.
            let radius = (-2 * log(1 - Double.random(in: 0..<1, using: &random))).squareRoot()
            return deviation * (radius * cos(Double.random(in: 0..<2 * .pi, using: &random)))
        case .pareto(let scale, let shape):
            let factor = pow(1 - Double.random(in: 0..<1, using: &random), -1 / shape) - 1
            return scale * min(factor, Self.maximumParetoFactor)
        }
    }
}

/// When what is sent arrives.
struct LinkTiming {
    /// Payload of one TCP segment on Ethernet.
    static let segmentBytes = 1448
    /// Linux's smallest retransmission timeout, doubled with each further loss of the same segment.
    static let retransmissionTimeout = Duration.milliseconds(200)
    /// tcp_retries2: then the connection would be given up; here the segment gets through.
    static let maximumRetransmissions = 15

    var model: LinkModel
    private var random: RandomStream
    /// When the line has sent everything so far.
    private var lineIsFree = Duration.zero
    private var lastArrival = Duration.zero

    init(_ model: LinkModel, _ random: RandomStream) {
        self.model = model
        self.random = random
    }

    /// - Parameter extraDelay: of this portion alone; what follows cannot overtake it.
    /// - Returns: when the last of so many bytes, sent now, has arrived.
    mutating func arrival(of byteCount: Int, sentAt now: Duration, extraDelay: Duration = .zero) -> Duration {
        var delay = Duration.zero
        if !model.isInstant {
            lineIsFree = max(lineIsFree, now) + sendingTime(of: byteCount)
            delay = max(.zero, model.latency + slowestSegment(of: byteCount))
        }
        let sent = max(lineIsFree, now)
        lastArrival = max(lastArrival, sent + delay + extraDelay)
        return lastArrival
    }

    private func sendingTime(of byteCount: Int) -> Duration {
        guard let rate = model.bytesPerSecond else { return .zero }
        return .nanoseconds(Int64(Double(byteCount) / Double(rate) * 1e9))
    }

    /// Segments travel side by side, and the stream goes on when the last of them is there.
    private mutating func slowestSegment(of byteCount: Int) -> Duration {
        guard model.jitter != .none || model.lossProbability > 0 else { return .zero }
        var slowest: Duration?
        for _ in 0..<max(1, (byteCount + Self.segmentBytes - 1) / Self.segmentBytes) {
            var delay = model.jitter.draw(from: &random)
            var timeout = Self.retransmissionTimeout
            var losses = 0
            while losses < Self.maximumRetransmissions, isLost() {
                delay += timeout
                timeout *= 2
                losses += 1
            }
            slowest = max(slowest ?? delay, delay)
        }
        return slowest ?? .zero
    }

    private mutating func isLost() -> Bool {
        model.lossProbability > 0 && Double.random(in: 0..<1, using: &random) < model.lossProbability
    }
}
