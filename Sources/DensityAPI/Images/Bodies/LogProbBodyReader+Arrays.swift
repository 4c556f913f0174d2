import FlowCore
import HTTPContent
import Imaging

/// Bodies of numbers: raw levels and NPY arrays.
extension LogProbBodyReader {
    /// Reads rows of levels, one after another.
    func octets(_ body: [UInt8]) throws -> LogProbBody.Parts {
        let dims = input.shape.dims
        if input.terms.scale == .unit {
            throw Problem(
                .parameter,
                "scale: bytes of \(MediaType.octets) are levels; fractions are sent as \(MediaType.npy) or \(MediaType.json)"
            )
        }
        guard body.count % dims == 0 else {
            let kind = fileKind(of: body).map { ", and its first bytes are those of \($0.phrase)" } ?? ""
            throw Problem(
                .imageSize,
                "the body must be a multiple of \(dims) bytes, \(input.shape) (height x width x channels), and has "
                    + "\(body.count)\(kind)")
        }
        try checkCount(body.count / dims)
        let images = stride(from: 0, to: body.count, by: dims).map { start in
            Result { () throws(Problem) in input.arranged(try input.checkLevels(Array(body[start..<start + dims]))) }
        }
        return LogProbBody.Parts(items: images.map { .row($0) }, isList: images.count > 1)
    }

    /// Reads an NPY array of one image, or a stack of them.
    func npy(_ body: [UInt8]) throws -> LogProbBody.Parts {
        let array = try NPYArray.decode(body)
        return try parts(of: array, input.layout(of: array.shape))
    }

    func parts(of array: NPYArray, _ layout: ArrayLayout) throws(Problem) -> LogProbBody.Parts {
        // the layout is one of this shape
        try checkCount(layout.sides(of: array.shape)!.count)
        return LogProbBody.Parts(items: try input.rows(of: array, layout).map { .row($0) }, isList: layout.isStack)
    }
}
