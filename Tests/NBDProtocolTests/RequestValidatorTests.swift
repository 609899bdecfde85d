import TestSupport
import Testing

@testable import NBDProtocol

struct RequestValidatorTests {
    static func validator(
        _ byteCount: UInt64, flags: TransmissionFlags = [], alignment: UInt32 = 1, contexts: Bool = true
    ) -> RequestValidator {
        var export = Export(name: "", byteCount: byteCount, flags: flags)
        export.minimumBlockBytes = alignment
        var negotiated = Negotiated(export: export)
        negotiated.hasAllocationContext = contexts
        return RequestValidator(negotiated)
    }

    static let everything: TransmissionFlags = [
        .sendFlush, .sendForceUnitAccess, .sendTrim, .sendWriteZeroes, .sendDoNotFragment, .sendCache,
        .sendFastZero,
    ]

    static func error(_ verdict: RequestValidator.Verdict) -> ErrorNumber? {
        if case .refuse(let error, _) = verdict { error } else { nil }
    }

    /// Sizes and distances from the end where 64-bit sums slip; the oracle adds in 128 bits.
    @Test(
        arguments: [0, 1, 512, 513, UInt64(Int64.max)] as [UInt64], [0, 1, 511, 512, 513] as [UInt64])
    func `a range is accepted exactly when it fits`(byteCount: UInt64, fromEnd: UInt64) {
        let offset = byteCount &- fromEnd
        let fits = UInt128(offset) + 512 <= UInt128(byteCount)
        let judge = Self.validator(byteCount, flags: Self.everything)
        let expected: [(Command, ErrorNumber)] = [
            (.read, .invalid), (.trim, .invalid), (.cache, .invalid), (.blockStatus, .invalid),
            (.write, .noSpace), (.writeZeroes, .noSpace),
        ]
        for (command, error) in expected {
            let verdict = judge.judge(Request(command: command, cookie: 1, offset: offset, length: 512))
            #expect(verdict == .accept || Self.error(verdict) == error)
            #expect((verdict == .accept) == fits, "\(command)")
        }
    }

    @Test(arguments: 0..<16)
    func `a flag is accepted exactly where it belongs and was advertised`(bit: Int) {
        let flag = CommandFlags(rawValue: 1 << bit)
        let homes: [CommandFlags: [Command]] = [
            .noHole: [.writeZeroes], .doNotFragment: [.read], .requireOneExtent: [.blockStatus],
            .fastZero: [.writeZeroes],
            .forceUnitAccess: [.read, .write, .flush, .trim, .cache, .writeZeroes, .blockStatus],
        ]
        for advertised in [true, false] {
            let flags = advertised ? Self.everything : [.sendFlush, .sendTrim, .sendWriteZeroes, .sendCache]
            let judge = Self.validator(1 << 20, flags: flags)
            let isAlways = flag == .noHole || flag == .requireOneExtent
            for number in UInt16(0)...8 where number != 2 {
                let command = Command(rawValue: number)
                let length: UInt32 = command == .flush ? 0 : 512
                let verdict = judge.judge(Request(flags: flag, command: command, cookie: 1, length: length))
                let isHome = homes[flag]?.contains(command) == true && (advertised || isAlways)
                #expect((verdict == .accept) == isHome, "bit \(bit) on \(number), advertised \(advertised)")
                if !isHome { #expect(Self.error(verdict) == .invalid) }
            }
        }
    }

    @Test func `what was not advertised is refused`() {
        let judge = Self.validator(1 << 20, contexts: false)
        for command in [Command.flush, .trim, .writeZeroes, .cache, .blockStatus] {
            let length: UInt32 = command == .flush ? 0 : 512
            #expect(Self.error(judge.judge(Request(command: command, cookie: 1, length: length))) == .invalid)
        }
    }

    @Test func `a read-only export permits no change`() {
        let judge = Self.validator(1 << 20, flags: Self.everything.union(.isReadOnly))
        for command in [Command.write, .trim, .writeZeroes] {
            #expect(
                Self.error(judge.judge(Request(command: command, cookie: 1, length: 512))) == .notPermitted)
        }
    }

    @Test(arguments: [(UInt64(0), UInt32(512), true), (512, 1024, true), (1, 512, false), (0, 511, false)])
    func `unaligned requests are invalid`(offset: UInt64, length: UInt32, isAligned: Bool) {
        let judge = Self.validator(1 << 20, flags: Self.everything, alignment: 512)
        for command in [Command.read, .write, .trim, .writeZeroes, .cache, .blockStatus] {
            let verdict = judge.judge(Request(command: command, cookie: 1, offset: offset, length: length))
            #expect((verdict == .accept) == isAligned)
        }
    }

    @Test func `a payload over the limit is refused to a reader and drops a writer`() {
        let judge = Self.validator(1 << 30, flags: Self.everything)
        let over: UInt32 = (32 << 20) + 1
        #expect(Self.error(judge.judge(Request(command: .read, cookie: 1, length: over))) == .invalid)
        let whole = Request(flags: .doNotFragment, command: .read, cookie: 1, length: over)
        #expect(Self.error(judge.judge(whole)) == .overflow)
        guard case .drop = judge.judge(Request(command: .write, cookie: 1, length: over)) else {
            return #expect(Bool(false), "not dropped")
        }
        #expect(judge.judge(Request(command: .write, cookie: 1, length: over - 1)) == .accept)
        #expect(judge.judge(Request(command: .disconnect, cookie: 1)) == .disconnect)
    }
}
