import CEmbedded
import DensityAPI
import FlowCore
import FlowModels
import Glibc

/// Files that travel inside the program.
enum Embedded {
    /// The default model.
    /// - Throws: `ModelFileError`.
    static func model(_ precision: WeightPrecision, isToBeTested: Bool = false) throws -> DensityModel {
        // Nobody reads them again: what is mapped of a file is given up too, once it is read.
        defer { forgetModelPages() }
        return try withModelBytes { try ModelFile.load($0, precision: precision, isToBeTested: isToBeTested) }
    }

    /// Gives up the pages of the default model, which come back from the program's file when they are read.
    private static func forgetModelPages() {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        guard let start = unsafe UnsafeMutableRawPointer(mutating: tusk_embedded_model_bytes()) else { return }
        // whole pages of it alone: what stands around it is in use
        let first = unsafe start.alignedUp(toMultipleOf: page)
        let last = unsafe (start + tusk_embedded_model_size).alignedDown(toMultipleOf: page)
        // It is advice; without it there is more in memory.
        if unsafe first < last { _ = unsafe madvise(first, last - first, MADV_DONTNEED) }
    }

    /// The result of `body` for the bytes of the default model's file.
    static func withModelBytes<Output>(_ body: (RawSpan) throws -> Output) rethrows -> Output {
        // constant memory of this program, as long as the count says
        let bytes = unsafe UnsafeRawBufferPointer(start: tusk_embedded_model_bytes(), count: tusk_embedded_model_size)
        return try body(unsafe RawSpan(_unsafeBytes: bytes))
    }

    /// Files of the web page.
    static var page: [PageFile] {
        (0..<tusk_embedded_page_count).map { index in
            // constant memory of this program, which has as many files as the count says
            let file = unsafe tusk_embedded_page_file(index)
            let path = unsafe String(cString: file.path)
            let (bytes, size) = unsafe (UInt(bitPattern: file.bytes), file.size)
            return PageFile(path: path) {
                unsafe Array(UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: bytes), count: size))
            }
        }
    }

    /// openapi.yaml.
    static var openAPI: [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: tusk_embedded_openapi_bytes(), count: tusk_embedded_openapi_size))
    }
}
