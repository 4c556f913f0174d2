import FlowCore
import FlowModels
import Imaging

/// Decoder of the images of one request, within one bound on their pixels.
struct ImageDecoder {
    var input: ImageInput
    /// Pixels that may still be decoded; each image with `fit` takes its own.
    var pixelsLeft: Int

    /// The model's row of a PNG or JPEG, or what is wrong with it; never part of a row.
    mutating func pixels(of bytes: ArraySlice<UInt8>) -> Result<[UInt8], Problem> {
        do throws(Problem) {
            return .success(try input.fit == nil ? exact(Array(bytes)) : fitted(Array(bytes)))
        } catch {
            return .failure(error)
        }
    }

    /// The model's row of an image that must have its size: a larger one is refused by its header.
    private func exact(_ bytes: [UInt8]) throws(Problem) -> [UInt8] {
        let shape = input.shape
        let limits = DecodeLimits(side: max(shape.width, shape.height), pixels: shape.width * shape.height)
        let image: Image
        do throws(ImagingError) {
            image = try decodeImage(bytes, limits: limits)
        } catch .tooLarge(let quantity, let value, _) {
            throw input.wrongSize("its \(quantity) is \(value)")
        } catch {
            throw Problem(error)
        }
        if image.isReducedFrom16Bit, let mode = input.mode {
            throw input.wrongMode("\(image.mode.rawValue) with 16 bits a channel", expected: mode)
        }
        return try input.pixels(of: image)
    }

    /// Pixels that the header of a sound image promises; nil for any other.
    private func pixelCount(of bytes: [UInt8]) -> Int? {
        do throws(ImagingError) { _ = try decodeImage(bytes, limits: DecodeLimits(pixels: 0)) } catch {
            guard case .tooLarge("pixels", let value, _) = error, value <= pixelsLeft else { return nil }
            return value
        }
        return nil
    }

    private mutating func fitted(_ bytes: [UInt8]) throws(Problem) -> [UInt8] {
        var limits = DecodeLimits()
        limits.pixels = min(limits.pixels, pixelsLeft)
        if let pixels = pixelCount(of: bytes) { try DecodeMemory.check(pixels: pixels) }
        let image: Image
        do throws(ImagingError) {
            image = try decodeImage(bytes, limits: limits)
        } catch {
            throw Problem(error)
        }
        pixelsLeft -= image.width * image.height
        return try input.pixels(of: image)
    }
}
