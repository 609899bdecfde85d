import NBDProtocol
import SimulatedNetwork
import SimulatedTime
import Synchronization
import VirtualMedia

/// An NBD server in transmission, whose misbehaviour a test chooses.
final class ScriptedServer: Sendable {
    struct Script: Sendable {
        var image: [UInt8] = []
        /// Answers with this error where a request touches these bytes.
        var badRange: Range<UInt64>?
        var error: UInt32 = 5
        /// From this request on (counted from 0) nothing is answered.
        var silentFrom = Int.max
        /// The request with this number gets a reply with a cookie that nobody asked for.
        var wrongCookieAt = -1
        /// The request with this number gets two replies.
        var doubleReplyAt = -1
        /// The connection ends when this request arrives.
        var hangUpAt = -1
        var delay = Duration.zero
    }

    let script: Mutex<Script>
    private let log = Mutex<[Request]>([])
    private let channel: MemoryChannel
    private let clock: any MediaClock

    /// - Returns: the server, running, and the kernel's end of its connection.
    static func start(_ script: Script, clock: any MediaClock, spawner: any Spawner)
        -> (ScriptedServer, MemoryChannel)
    {
        let surroundings = NetworkSurroundings(
            clock: clock, spawner: spawner, random: RandomStreams(seed: 0))
        let (near, far) = MemoryLink.connect("scripted server", in: surroundings)
        let server = ScriptedServer(script: script, channel: far, clock: clock)
        spawner.spawn("scripted server", .shared) { await server.run() }
        return (server, near)
    }

    private init(script: Script, channel: MemoryChannel, clock: any MediaClock) {
        self.script = Mutex(script)
        self.channel = channel
        self.clock = clock
    }

    /// Every request so far, in the order they came.
    var requests: [Request] { log.withLock { $0 } }
    var image: [UInt8] { script.withLock { $0.image } }
    func kill() { channel.close() }

    private func run() async {
        while let header = try? await channel.read(exactly: Request.byteCount) {
            var bytes = header[...]
            guard let request = try? Request.decode(from: &bytes) else { break }
            let number = log.withLock { log in
                log.append(request)
                return log.count - 1
            }
            var payload: [UInt8] = []
            if request.command == .write {
                guard let data = try? await channel.read(exactly: Int(request.length)) else { break }
                payload = data
            }
            if request.command == .disconnect { break }
            guard await answer(request, number: number, payload) else { break }
        }
        channel.close()
    }

    private func answer(_ request: Request, number: Int, _ payload: [UInt8]) async -> Bool {
        let script = script.withLock { $0 }
        if number == script.hangUpAt { return false }
        if number >= script.silentFrom { return true }
        if script.delay > .zero { try? await clock.sleep(until: clock.now + script.delay) }
        let range = request.offset..<request.offset + UInt64(request.length)
        let isBad = script.badRange?.overlaps(range) ?? false
        var cookie = request.cookie
        if number == script.wrongCookieAt { cookie ^= 0xFFFF_0000 }
        var reply: [UInt8] = []
        SimpleReply(error: isBad ? script.error : 0, cookie: cookie).encode(into: &reply)
        if !isBad, request.command == .read {
            reply += script.image[Int(range.lowerBound)..<Int(range.upperBound)]
        }
        if !isBad, request.command == .write {
            self.script.withLock {
                $0.image.replaceSubrange(Int(range.lowerBound)..<Int(range.upperBound), with: payload)
            }
        }
        if number == script.doubleReplyAt { reply += reply }
        return (try? await channel.write(reply[...])) != nil
    }
}
