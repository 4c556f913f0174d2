package import FlowCore
package import System

extension ModelFile {
    /// Copies of a flow's numbers that loading takes: as arrays of the flow, packed, and while they are packed.
    static let loadingCopies = 3
    /// Refuses what there is no memory for, before anything of it is allocated: numbers of single precision, each held
    /// `times` at once.
    /// - Throws: ``ModelFileError/outOfMemory(bytes:)``.
    package static func checkMemory(numbers: Int, times: Int) throws(ModelFileError) {
        let (bytes, overflow) = numbers.multipliedReportingOverflow(by: MemoryLayout<Float>.size * times)
        guard !overflow, MemoryRoom.has(bytes) else { throw .outOfMemory(bytes: overflow ? .max : bytes) }
    }
}

extension ModelFile {
    /// What the header of a model file says: the record, and the most bytes of memory that loading the model takes, those of the file
    /// among them.
    package struct Outline: Sendable {
        package var record: ModelRecord
        package var loadingBytes: Int
    }

    /// Reads the outline of a file, of which no more than the header is looked at.
    /// - Throws: ``ModelFileError``.
    package static func outline(of file: borrowing WholeFile) throws -> Outline {
        let start = try readable { () throws(WholeFile.Failure) in try file.prefix(Safetensors.lengthBytes) }
        let count = try sound { try unsafe Safetensors.headerBytes(of: start.span.bytes) }
        let header = try readable { () throws(WholeFile.Failure) in try file.prefix(count) }
        return try unsafe outline(of: header.span.bytes, fileBytes: file.size, isCopied: true)
    }

    /// Reads the outline of a file of `fileBytes` bytes that begins with `bytes`, the header among them.
    /// - Parameter isCopied: whether loading takes memory for the file's bytes too.
    /// - Throws: ``ModelFileError``; also for a length that is not the one that the header describes.
    package static func outline(of bytes: RawSpan, fileBytes: Int, isCopied: Bool) throws -> Outline {
        let metadata = try sound { try Safetensors.metadata(of: bytes, fileBytes: fileBytes) }
        let (record, architecture) = try validRecord(in: metadata)
        let numbers = record.elementCount(architecture)
        let (weights, overflow) = numbers.multipliedReportingOverflow(by: loadingCopies * MemoryLayout<Float>.size)
        let (sum, isTooMuch) = weights.addingReportingOverflow(isCopied ? fileBytes : 0)
        return Outline(record: record, loadingBytes: overflow || isTooMuch ? .max : sum)
    }

    /// Loads the model of a file that others may change or shorten at any time: its bytes are copied, and nothing stays mapped.
    /// - Throws: ``ModelFileError``.
    package static func load(
        copying file: borrowing WholeFile, precision: WeightPrecision, isToBeTested: Bool
    ) throws -> DensityModel {
        guard MemoryRoom.has(file.size) else { throw ModelFileError.outOfMemory(bytes: file.size) }
        // grown meanwhile, it is no file that can be trusted
        let bytes = try readable { () throws(WholeFile.Failure) in try file.contents(limit: file.size) }
        return try unsafe load(bytes.span.bytes, precision: precision, isToBeTested: isToBeTested)
    }

    private static func readable<Output>(_ body: () throws(WholeFile.Failure) -> Output) throws -> Output {
        do throws(WholeFile.Failure) { return try body() } catch {
            throw ModelFileError.unreadable(reason: "\(error)")
        }
    }

    private static func sound<Output>(_ body: () throws -> Output) throws -> Output {
        do { return try body() } catch let error as SafetensorsError {
            throw ModelFileError.format(error)
        }
    }
}

extension ModelRecord {
    /// Numbers of the flow and its dequantizer in memory, masked zeros among them. No more than ``ModelFile/elementLimit(parameters:)``
    /// for a record that was loaded.
    func elementCount(_ architecture: any FlowArchitecture.Type) -> Int {
        let flow = architecture.elementCount(shape: eventShape, sizes: sizes) ?? .max
        let noise = dequantizer.map { Dequantizer.parameterCount(shape: eventShape, sizes: $0) ?? .max } ?? 0
        let (sum, overflow) = flow.addingReportingOverflow(noise)
        return overflow ? .max : sum
    }
}

extension DensityModel {
    public var memoryBytes: Int {
        guard let architecture = FlowRegistry.architecture(named: record.architecture) else { return 0 }
        let packed = precision == .f32 ? MemoryLayout<Float>.size : MemoryLayout<UInt16>.size
        return record.elementCount(architecture) * (packed + (trained == nil ? 0 : MemoryLayout<Float>.size))
            + formBytes
    }
}
