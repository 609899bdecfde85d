import Testing

@testable import Sharding

struct ShardTests {
    @Test(arguments: [("1/1", 1, 1), ("3/16", 3, 16), ("16/16", 16, 16), ("100000/100000", 100_000, 100_000)])
    func `a shard is written I of N, counted from one`(text: String, index: Int, count: Int) throws {
        let shard = try Shard(text)
        #expect((shard.index, shard.count) == (index, count))
        #expect("\(shard)" == text)
    }

    @Test(
        arguments: [
            "", "/", "1", "0/4", "5/4", "1/0", "-1/4", "+1/4", " 1/4", "1/4/2", "a/b", "1/100001", "auto",
            "9999999999999999999999/4", "١/٤",
        ])
    func `what is no shard is refused with a remedy`(text: String) {
        let error = #expect(throws: ShardError.self) { try Shard(text) }
        #expect(error?.remedy.isEmpty == false)
    }
}
