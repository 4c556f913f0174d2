import FlowCore
import HTTPContent
import Imaging

/// Elements of a tensor of images.
enum ImageTensor: Sendable {
    /// Values of images.
    case array(NPYArray)
    /// Pictures as files have them.
    case pictures([ArraySlice<UInt8>])

    /// Reads a tensor of a request.
    /// - Throws: ``ProblemKind/malformedBody`` for elements that are not of the type or not as many as the shape says; of strings what
    ///   is wrong with one as a picture.
    init(_ input: InferenceRequest.Input) throws(Problem) {
        let name = "input \(quoted(input.name))"
        guard let type = TensorType(rawValue: input.type), TensorType.ofImages.contains(type) else {
            let known = TensorType.ofImages.map(\.rawValue).joined(separator: ", ")
            throw Problem(.malformedBody, "\(name): datatype must be one of \(known), not \(quoted(input.type))")
        }
        let shape = input.shape
        let count = shape.reduce(into: (product: 1, overflows: false)) { count, axis in
            let (product, overflow) = count.product.multipliedReportingOverflow(by: axis)
            count = (product, count.overflows || overflow)
        }
        guard !count.overflows, !shape.isEmpty else {
            throw Problem(.malformedBody, "\(name): the shape \(shape) is that of no tensor")
        }
        switch input.content {
        case .bytes(let bytes):
            if let size = type.size {
                let (needed, overflow) = count.product.multipliedReportingOverflow(by: size)
                guard !overflow, bytes.count == needed else {
                    throw Problem(
                        .malformedBody,
                        "\(name): \(type.rawValue) of the shape \(shape) is \(count.product) times \(size) bytes, and binary_data_size is \(bytes.count)"
                    )
                }
                self = .array(
                    NPYArray(shape: shape, elementType: type == .uint8 ? .uint8 : .float32, bytes: Array(bytes)))
            } else {
                self = .pictures(try Self.strings(bytes, count: count.product, name))
            }
        case .json(let json):
            var elements = TensorElements(name: name, shape: shape, count: count.product, isText: type == .bytes)
            try elements.add(json, axis: 0)
            guard elements.count == count.product else {
                throw Problem(
                    .malformedBody,
                    "\(name): the shape \(shape) has \(count.product) elements, and data \(elements.count)")
            }
            switch type {
            case .bytes:
                self = .pictures(
                    try elements.texts.enumerated().map { index, text throws(Problem) in
                        do throws(Problem) {
                            return try JSONImage.picture(text)[...]
                        } catch {
                            throw count.product == 1 ? error : error.of("image \(index + 1) of \(count.product)")
                        }
                    })
            case .uint8: self = .array(NPYArray(shape: shape, try elements.bytes()))
            default: self = .array(NPYArray(shape: shape, try elements.floats()))
            }
        }
    }

    /// The tensor that a body without JSON is: the levels of one image, or a picture.
    /// - Throws: ``ProblemKind/imageSize``.
    init(ofBody body: [UInt8], shape: EventShape) throws(Problem) {
        if body.count == shape.dims {
            self = .array(NPYArray(shape: [shape.height, shape.width, shape.channels], body))
        } else if imageFormat(of: body) != nil {
            self = .pictures([body[...]])
        } else {
            throw Problem(
                .imageSize,
                "the body must be \(shape.dims) bytes, one image of \(shape) (height x width x channels), or a picture, "
                    + "\(ImageFormat.choice), and has \(body.count) bytes")
        }
    }

    /// Strings of a tensor of bytes: each after its length, 4 bytes, the least significant first.
    private static func strings(
        _ bytes: ArraySlice<UInt8>, count: Int, _ name: String
    ) throws(Problem) -> [ArraySlice<UInt8>] {
        var rest = bytes
        var strings: [ArraySlice<UInt8>] = []
        while !rest.isEmpty {
            let length = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            guard rest.count >= 4, length <= rest.count - 4 else {
                throw Problem(
                    .malformedBody, "\(name): element \(strings.count) is longer than what is left, \(rest.count) bytes"
                )
            }
            strings.append(rest.dropFirst(4).prefix(length))
            rest = rest.dropFirst(4 + length)
        }
        guard strings.count == count else {
            throw Problem(.malformedBody, "\(name): its shape has \(count) elements, and its data \(strings.count)")
        }
        return strings
    }
}
