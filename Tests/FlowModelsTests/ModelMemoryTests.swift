import FlowModels
import Testing

@Suite("Memory for a model")
struct ModelMemoryTests {
    @Test("what there is no memory for is refused before it is allocated")
    func numbers() throws {
        try ModelFile.checkMemory(numbers: 1 << 18, times: 3)
        #expect(throws: ModelFileError.outOfMemory(bytes: 1 << 47)) {
            try ModelFile.checkMemory(numbers: 1 << 44, times: 2)
        }
        #expect(throws: ModelFileError.outOfMemory(bytes: .max)) { try ModelFile.checkMemory(numbers: .max, times: 3) }
    }
}
