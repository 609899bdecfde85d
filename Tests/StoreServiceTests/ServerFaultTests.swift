import FaultPlan
import FaultyFiles
import Foundation
import Glibc
import TestSupport
import Testing

@testable import StoreService

/// Faults above the files: in HTTP and in TLS, as curl sees them.
@Suite(.enabled(if: Capability.tool("curl").isUsable, "curl is not installed"), .timeLimit(.minutes(3)))
struct ServerFaultTests {
    let folder: TemporaryFolder
    let content = TemporaryFolder.pattern(700_001)
    let store: RunningStore

    init() throws {
        folder = try TemporaryFolder()
        try #require(mkdir(folder.file("images"), 0o755) == 0)
        try folder.write(content, to: "images/disk.img")
        var configuration = RunningStore.Configuration(directory: folder.file("images"))
        configuration.httpsPort = 0
        configuration.certificatePath = folder.file("ca.pem")
        store = try RunningStore(configuration)
    }

    struct Answer {
        let status: Int32
        let head: String
        let body: [UInt8]
    }

    /// What curl makes of it with this fault in the store.
    func curl(_ fault: String, _ arguments: [String]) async throws -> Answer {
        for fault in try FaultText.parse(fault) { try store.book.add(fault, at: .zero) }
        let url = try #require(store.status.places.https)
        let result = try await ForeignProgram(
            "curl",
            ["-sS", "--cacert", folder.file("ca.pem"), "-o", folder.file("got"), "-D", folder.file("head")]
                + arguments + ["\(url)disk.img"]
        ).run(within: 60)
        let body = try? Data(contentsOf: URL(fileURLWithPath: folder.file("got")))
        let head = try? String(contentsOfFile: folder.file("head"), encoding: .utf8)
        return Answer(status: result.status, head: head ?? "", body: Array(body ?? Data()))
    }

    @Test(arguments: [
        ("{kind: http.status, parameters: {code: 503, retryAfter: 3}}", [], "503", "Retry-After: 3"),
        ("{kind: http.unauthorized}", [], "401", "WWW-Authenticate: Basic"),
        (
            "{kind: http.redirect, parameters: {code: '307'}}", [], "307",
            "Location: https://elsewhere.invalid/disk.img"
        ),
        ("{kind: http.head-refused}", ["-I"], "405", "Allow: GET"),
        ("{kind: http.no-content-range}", ["-r", "0-9"], "206", "Content-Length: 10"),
        ("{kind: http.wrong-content-range}", ["-r", "0-9"], "206", "Content-Range: bytes 512-521/700001"),
        ("{kind: http.multipart}", ["-r", "0-9"], "206", "Content-Type: multipart/byteranges"),
        (
            "{kind: http.size, parameters: {size: 4398046511104}}", ["-I"], "200",
            "Content-Length: 4398046511104"
        ),
        ("{kind: http.changed, parameters: {generation: 3}}", ["-I"], "200", "ETag: \"generation-3\""),
        (
            "{kind: http.changed, parameters: {field: last-modified}}", ["-I"], "200",
            "Last-Modified: Wed, 15 Nov 2023"
        ),
        ("{kind: http.length-missing}", ["-I"], "200", "Connection: close"),
    ])
    func `the head says what the fault makes it say`(
        fault: String, arguments: [String], status: String, field: String
    ) async throws {
        defer { store.stop() }
        let answer = try await curl(fault, arguments)
        #expect(store.book.fired.first?.count ?? 0 > 0, "never fired")
        #expect(answer.head.hasPrefix("HTTP/1.1 \(status) "), "\(answer.head)")
        #expect(answer.head.contains(field), "\(answer.head)")
    }

    @Test(arguments: [
        ("{kind: http.range-ignored}", ["-r", "5-9"]), ("{kind: http.chunked}", []),
        ("{kind: http.gzip}", ["--compressed"]), ("{kind: http.length-missing}", []),
        ("{kind: http.slice, parameters: {byteCount: 3000}}", []),
        ("{kind: http.bandwidth, parameters: {rate: 3000000}}", []),
        ("{kind: http.latency, parameters: {latency: 5ms}}", []),
        ("{kind: tls.latency, parameters: {latency: 5ms}}", []), ("{kind: tls.no-farewell}", []),
    ])
    func `the whole image still arrives, whatever it comes in`(fault: String, arguments: [String])
        async throws
    {
        defer { store.stop() }
        let answer = try await curl(fault, arguments)
        #expect(store.book.fired.first?.count ?? 0 > 0, "never fired")
        #expect(answer.status == 0)
        #expect(answer.body == content)
    }

    @Test(
        arguments: [
            ("{kind: http.short-body, parameters: {missing: 1}}", [18], 700_000),
            ("{kind: http.wrong-length, parameters: {value: 800000}}", [18], 700_001),
            ("{kind: http.stall-after, parameters: {byteCount: 5000}}", [28], 5000),
            ("{kind: http.stall}", [28], 0), ("{kind: http.close}", [52], 0),
            ("{kind: http.reset}", [35, 56], 0),
            ("{kind: tls.truncated, parameters: {afterBytes: 70000}}", [18, 56], nil),
            ("{kind: http.close, parameters: {afterBytes: 70000}}", [18], nil),
            ("{kind: http.reset, parameters: {afterBytes: 70000}}", [56], nil),
            ("{kind: tls.expired}", [60], 0), ("{kind: tls.not-yet-valid}", [60], 0),
            ("{kind: tls.wrong-host}", [60], 0),
            ("{kind: tls.unknown-ca}", [60], 0), ("{kind: tls.self-signed}", [60], 0),
            ("{kind: tls.weak}", [60], 0),
            ("{kind: tls.old-version}", [35], 0), ("{kind: tls.client-cert}", [35, 55, 56], 0),
            ("{kind: tls.alert}", [35], 0), ("{kind: tls.alert, parameters: {description: 80}}", [35], 0),
            ("{kind: tls.stall}", [28], 0), ("{kind: tls.close}", [35], 0), ("{kind: tls.reset}", [35], 0),
            ("{kind: tls.close, parameters: {afterBytes: 100}}", [35], 0),
            ("{kind: tls.reset, parameters: {afterBytes: 100}}", [35], 0),
        ] as [(String, [Int32], Int?)])
    func `the client fails as it should`(fault: String, statuses: [Int32], byteCount: Int?) async throws {
        defer { store.stop() }
        let answer = try await curl(fault, ["-m", fault.contains("stall") ? "1" : "20"])
        #expect(statuses.contains(answer.status), "\(answer.status) \(answer.head)")
        if let byteCount {
            #expect(answer.body.count == byteCount)
        } else {
            // So much of the answer came, its head included.
            #expect(answer.head.utf8.count + answer.body.count == 70_000)
        }
        #expect(answer.body == Array(content.prefix(answer.body.count)))
    }

    @Test func `corruptions lie where they were asked for, across the portions that are sent`() async throws {
        defer { store.stop() }
        let flipped = try await curl("{kind: http.bit-flip, parameters: {at: 131072}}", [])
        #expect(zip(flipped.body, content).enumerated().filter { $1.0 != $1.1 }.map(\.offset) == [131_072])
        store.book.removeAll(at: .zero)
        let zeroed = try await curl("{kind: http.zero-sector, parameters: {at: 130900}}", [])
        let expected = content[..<130_900] + [UInt8](repeating: 0, count: 512) + content[131_412...]
        #expect(zeroed.body == Array(expected))
        store.book.removeAll(at: .zero)
        let shifted = try await curl("{kind: http.shifted, parameters: {by: 4096}}", ["-r", "699000-699999"])
        #expect(shifted.body == [UInt8](repeating: 0, count: 1000))
        store.book.removeAll(at: .zero)
        let swapped = try await curl("{kind: http.swapped-sectors}", [])
        let wrong = Set(
            zip(swapped.body, content).enumerated().filter { $1.0 != $1.1 }.map { $0.offset / 512 })
        #expect(wrong.count == 2 && swapped.body.count == content.count)
        let pair = wrong.sorted()
        #expect(
            Array(swapped.body[(pair[0] * 512)..<(pair[0] * 512 + 512)])
                == Array(content[(pair[1] * 512)..<(pair[1] * 512 + 512)]))
    }

    @Test func `what was injected is in the log and in the metrics`() async throws {
        defer { store.stop() }
        _ = try await curl(
            "{kind: http.status, identifier: busy, parameters: {code: 503}, trigger: nth 2}", [])
        _ = try await curl("", [])
        let log = store.answer(ControlRequest("GET", "/log")).body
        #expect(String(decoding: log, as: UTF8.self).contains("\"front\":\"http\""))
        let metrics = String(decoding: store.answer(ControlRequest("GET", "/metrics")).body, as: UTF8.self)
        #expect(metrics.contains("mediarig_store_faults_fired_total{fault=\"busy\"} 1"))
    }
}
