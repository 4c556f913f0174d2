import System

extension ModelFile {
    /// Refuses what there is no memory for, before anything of it is allocated: numbers of single precision, each held
    /// `times` at once.
    /// - Throws: ``ModelFileError/outOfMemory(bytes:)``.
    package static func checkMemory(numbers: Int, times: Int) throws(ModelFileError) {
        let (bytes, overflow) = numbers.multipliedReportingOverflow(by: MemoryLayout<Float>.size * times)
        guard !overflow, MemoryRoom.has(bytes) else { throw .outOfMemory(bytes: overflow ? .max : bytes) }
    }
}
