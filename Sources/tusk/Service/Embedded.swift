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

    /// The model's length in bytes and its tensors.
    /// - Throws: `SafetensorsError`.
    static func tensors() throws -> (bytes: Int, tensors: [String: Safetensors.Tensor]) {
        // constant memory of this program, as long as the count says
        let bytes = unsafe UnsafeRawBufferPointer(start: tusk_embedded_model_bytes(), count: tusk_embedded_model_size)
        return (bytes.count, try Safetensors.decode(unsafe RawSpan(_unsafeBytes: bytes)).tensors)
    }

    /// openapi.yaml.
    static var openAPI: [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: tusk_embedded_openapi_bytes(), count: tusk_embedded_openapi_size))
    }
}
