import FlowCore
import FlowModels
import Imaging

/// Decoder of the images of one request, within bounds on all of them together.
///
/// ``plan(_:)`` looks at headers alone, one image after another; what it lets through, ``row(of:isStopped:)`` decodes, in any
/// order.
struct ImageDecoder {
    let input: ImageInput
    /// Bounds of one image: those of the API, and without `fit` the model's size.
    private let limits: DecodeLimits
    /// Pixels that may still be decoded; each image with `fit` takes its own, sound or not.
    private var pixelsLeft: Int
    /// Pixels times scans that may still be decoded.
    private var scannedPixelsLeft: Int

    /// A decoder that has decoded nothing.
    init(input: ImageInput, options: APIOptions) {
        self.input = input
        var limits = options.imageLimits
        if input.terms.fit == nil {
            limits.side = max(input.shape.width, input.shape.height)
            limits.pixels = input.shape.width * input.shape.height
        }
        self.limits = limits
        pixelsLeft = input.terms.fit == nil ? .max : options.maxRequestPixels
        scannedPixelsLeft = options.maxRequestScannedPixels
    }

    /// The image as something to decode, or what its header shows to be wrong with it.
    mutating func plan(_ bytes: ArraySlice<UInt8>) -> LogProbBody.Item {
        do throws(Problem) {
            let header: ImageHeader
            var bounds = limits
            bounds.pixels = min(bounds.pixels, pixelsLeft)
            bounds.scannedPixels = min(bounds.scannedPixels, scannedPixelsLeft)
            do throws(ImagingError) {
                header = try ImageHeader(of: bytes)
            } catch {
                throw Problem(error)
            }
            do throws(ImagingError) {
                try bounds.check(header)
            } catch {
                throw problem(error, header)
            }
            pixelsLeft -= header.pixels
            scannedPixelsLeft -= header.scannedPixels
            return .encoded(EncodedImage(bytes: bytes, header: header))
        } catch {
            return .row(.failure(error))
        }
    }

    /// The model's row of an image, or what is wrong with it; never part of a row.
    func row(of image: EncodedImage, isStopped: @escaping () -> Bool) -> Result<[UInt8], Problem> {
        Result { () throws(Problem) in
            var bounds = limits
            bounds.scannedPixels = image.header.scannedPixels
            try DecodeMemory.check(pixels: image.header.pixels)
            let decoded: Image
            do throws(ImagingError) {
                decoded = try decodeImage(Array(image.bytes), limits: bounds, isStopped: isStopped)
            } catch {
                throw problem(error, image.header)
            }
            if input.terms.fit == nil, decoded.isReducedFrom16Bit, let mode = input.mode {
                throw input.wrongMode("\(decoded.mode.rawValue) with 16 bits a channel", expected: mode)
            }
            return try input.pixels(ofPicture: decoded, scale: image.header.valueScale) { () throws(Problem) in
                if isStopped() { throw Problem(ImagingError.stopped) }
            }
        }
    }

    private func problem(_ error: ImagingError, _ header: ImageHeader) -> Problem {
        if input.terms.fit == nil, case .tooLarge(let quantity, let value, _) = error,
            ["width", "height", "pixels"].contains(quantity)
        {
            return input.wrongSize(
                quantity == "pixels" ? "its size is \(header.height)x\(header.width)" : "its \(quantity) is \(value)")
        }
        return Problem(error)
    }
}

/// A PNG or JPEG of a request whose header is within the limits.
struct EncodedImage: Sendable {
    let bytes: ArraySlice<UInt8>
    let header: ImageHeader

    /// Bytes that take as long as a pixel of a scan: checksums and copies, whatever the image's size.
    private static let bytesPerPixel = 8

    /// Work to decode it.
    var work: Int {
        let (work, overflow) = header.scannedPixels.addingReportingOverflow(bytes.count / Self.bytesPerPixel)
        return overflow ? .max : work
    }
}
