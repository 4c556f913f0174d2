internal import CImageDecoders

/// Question of a C decoder whether to give up, passed on to a closure.
final class StopQuery {
    private let isStopped: () -> Bool

    init(_ isStopped: @escaping () -> Bool) { self.isStopped = isStopped }

    /// Calls `body` with `bytes` as a file that is given up when the closure says so.
    func withFile<Result>(_ bytes: [UInt8], _ body: (UnsafePointer<tusk_image_file>) -> Result) -> Result {
        withExtendedLifetime(self) {
            unsafe bytes.withUnsafeBufferPointer { buffer in
                var file = unsafe tusk_image_file(
                    bytes: buffer.baseAddress, count: buffer.count,
                    is_stopped: { context in
                        guard let context = unsafe context else { return false }
                        return unsafe Unmanaged<StopQuery>.fromOpaque(context).takeUnretainedValue().isStopped()
                    }, context: Unmanaged.passUnretained(self).toOpaque())
                return unsafe withUnsafePointer(to: &file) { unsafe body($0) }
            }
        }
    }
}

extension ColorMode {
    /// The mode of a decoder's pixels; nil for those that are not read.
    init?(_ kind: tusk_pixel_kind) {
        switch kind {
        case TUSK_PIXELS_GRAY: self = .gray
        case TUSK_PIXELS_GRAY_ALPHA: self = .grayAlpha
        case TUSK_PIXELS_RGB: self = .rgb
        case TUSK_PIXELS_RGBA: self = .rgba
        default: return nil
        }
    }
}
