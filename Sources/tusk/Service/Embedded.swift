import CEmbedded
import FlowCore
import FlowModels

/// Files that travel inside the program.
enum Embedded {
    /// The default model.
    /// - Throws: `ModelFileError`.
    static func model(_ precision: WeightPrecision, isToBeTested: Bool = false) throws -> DensityModel {
        try withModelBytes { try ModelFile.load($0, precision: precision, isToBeTested: isToBeTested) }
    }

    /// The result of `body` for the bytes of the default model's file.
    static func withModelBytes<Output>(_ body: (RawSpan) throws -> Output) rethrows -> Output {
        // constant memory of this program, as long as the count says
        let bytes = unsafe UnsafeRawBufferPointer(start: tusk_embedded_model_bytes(), count: tusk_embedded_model_size)
        return try body(unsafe RawSpan(_unsafeBytes: bytes))
    }

    /// openapi.yaml.
    static var openAPI: [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: tusk_embedded_openapi_bytes(), count: tusk_embedded_openapi_size))
    }
}
