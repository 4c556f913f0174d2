import System
import Testing

@Suite("Room for memory and threads")
struct MemoryRoomTests {
    @Test("a little is always there, and more than any machine has is not")
    func sizes() {
        #expect(MemoryRoom.has(0) && MemoryRoom.has(MemoryRoom.leastBytes - 1))
        #expect(MemoryRoom.has(MemoryRoom.leastBytes))
        #expect(!MemoryRoom.has(1 << 46) && !MemoryRoom.has(.max) && !MemoryRoom.has(.max - 1))
        #expect(!MemoryRoom.hasAddressSpace(1 << 48))
    }

    @Test("what is resident is bounded by the machine's memory")
    func resident() throws {
        let limit = try #require(memoryLimit(resident: residentMemory() ?? 0))
        #expect(!MemoryRoom.has(limit))
    }

    @Test("a few threads can be had, and end again")
    func threads() throws {
        for _ in 0..<20 { try Threads.check(8) }
        try Threads.check(0)
    }
}
