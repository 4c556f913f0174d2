import CEmbedded
import FlowCore
import FlowModels

/// Files that travel inside the program.
enum Embedded {
    /// The default model.
    /// - Throws: `ModelFileError`.
    static func model(_ precision: WeightPrecision) throws -> DensityModel {
        // constant memory of this program, as long as the count says
        let bytes = unsafe UnsafeRawBufferPointer(start: tusk_embedded_model_bytes(), count: tusk_embedded_model_size)
        return try ModelFile.load(unsafe RawSpan(_unsafeBytes: bytes), precision: precision)
    }

    /// The model's length in bytes, its tensors and the hash of its contents, if it has one.
    /// - Throws: `SafetensorsError`.
    static func contents() throws -> (bytes: Int, tensors: [String: Safetensors.Tensor], hash: String?) {
        // constant memory of this program, as long as the count says
        let bytes = unsafe UnsafeRawBufferPointer(start: tusk_embedded_model_bytes(), count: tusk_embedded_model_size)
        let span = unsafe RawSpan(_unsafeBytes: bytes)
        return (bytes.count, try Safetensors.decode(span).tensors, try ModelFile.contentHash(of: span))
    }

    /// openapi.yaml.
    static var openAPI: [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: tusk_embedded_openapi_bytes(), count: tusk_embedded_openapi_size))
    }
}
