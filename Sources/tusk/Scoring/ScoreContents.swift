import Archives
import DensityAPI
import FlowCore
import FlowModels
import HTTPContent
import Imaging
import System

/// Reader of the images of one file: what `POST /logprob` takes, by the same code, and one image after the other.
struct ScoreContents: Sendable {
    let archiveLimits: ArchiveLimits
    private let input: ImageInput
    private let reader: LogProbBodyReader
    private let shape: EventShape
    private let maxImageBytes: Int

    /// - Parameters:
    ///   - terms: how the images are read.
    ///   - maxImageBytes: most bytes of an image in its file, and of a line of JSON.
    init(record: ModelRecord, terms: ImageTerms, maxImageBytes: Int, archiveLimits: ArchiveLimits) {
        input = ImageInput(record: record, terms: terms, wording: .options)
        shape = record.eventShape
        var options = APIOptions(version: Tusk.version) { _ in }
        // of a line or document of JSON, whose bytes are bounded
        options.maxRequestRows = 1 << 20
        reader = LogProbBodyReader(input: input, options: options)
        self.maxImageBytes = maxImageBytes
        self.archiveLimits = archiveLimits
    }

    /// Hands over the images in `bytes`, in order.
    /// - Throws: ``ArchiveError`` where the bytes cannot be read; ``NobodyWantsMore``.
    func read(_ bytes: ByteReader, from source: String, _ put: (ScoreItem) -> Bool) throws {
        let start = try OpenedFile.start(of: bytes)
        if imageFormat(of: start) != nil {
            let file = try bytes.rest(limit: maxImageBytes)
            try hand(put, source, nil, .encoded(file))
            // several pictures one behind the other, as a shell's cat makes them
            if source == "-", let end = pictureEnd(of: file), imageFormat(of: file[end...]) != nil {
                throw NotImages(
                    reason: "has another picture behind the first, which is not scored: send several as a tar archive")
            }
        } else if NPYArray.isNPY(Array(start)) {
            try readArray(bytes, source, put)
        } else if Self.mayBeJSON(start) {
            if source.hasSuffix(".json") {
                var index = 0
                try readJSON(try bytes.rest(limit: maxImageBytes), source, &index, put, alone: true)
            } else {
                try readLines(bytes, source, put)
            }
        } else {
            throw NotImages(reason: Self.reason(notToRead: start))
        }
    }

    /// What a file is that is not read, by its first bytes.
    private static func reason(notToRead start: ArraySlice<UInt8>) -> String {
        if start.isEmpty { return "is empty" }
        if let kind = fileKind(of: start) {
            return "is \(kind.phrase), which is not scored" + (kind.advice.map { ": \($0)" } ?? "")
        }
        let formats = ImageFormat.allCases.map(\.rawValue).joined(separator: ", ")
        return "is none of \(formats), NPY, JSON, ZIP, tar, by its first bytes; what else --data reads is a data set"
    }

    private static func mayBeJSON(_ start: ArraySlice<UInt8>) -> Bool {
        let text = start.starts(with: JSONReader.byteOrderMark) ? start.dropFirst(3) : start
        return text.first { !isSpace($0) }.map { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "[") } ?? false
    }

    /// The model's row of an array `[height, width, channels]` of bytes.
    func row(_ pixels: [UInt8], shape: EventShape) -> ScoreItem.Content {
        if shape == self.shape { return .pixels(pixels) }
        return row(NPYArray(shape: [shape.height, shape.width, shape.channels], pixels), .hwc)
    }

    /// The model's row of an array that is one image.
    private func row(_ array: NPYArray, _ layout: ArrayLayout) -> ScoreItem.Content {
        do {
            return content(try input.rows(of: array, layout)[0])
        } catch {
            return .failed(failure(error))
        }
    }

    /// Decoded row of a file of an ``ImageFormat``, or of an NPY array of one image or of its numbers in a row.
    func row(ofEncoded bytes: [UInt8]) -> Result<[UInt8], ScoreFailure> {
        do {
            if NPYArray.isNPY(bytes) {
                let array = try NPYArray.decode(bytes)
                if array.shape.count == 1 { return .success(try input.row(ofFlat: array)) }
                let images = try reader.read(bytes, type: .npy).images
                guard images.count == 1 else {
                    return .failure(ScoreFailure(row: "is an array of \(images.count) images, not of one"))
                }
                return images[0].mapError(ScoreFailure.init)
            }
            return try reader.read(bytes, type: .png).images[0].mapError(ScoreFailure.init)
        } catch {
            return .failure(failure(error))
        }
    }

    /// Row of a body that holds one image.
    private func row(_ body: [UInt8], type: MediaType) -> ScoreItem.Content {
        do {
            return content(try reader.read(body, type: type).images[0])
        } catch {
            return .failed(failure(error))
        }
    }

    private func content(_ row: Result<[UInt8], Problem>) -> ScoreItem.Content {
        switch row {
        case .success(let pixels): .pixels(pixels)
        case .failure(let problem): .failed(ScoreFailure(problem))
        }
    }

    private func failure(_ error: any Error) -> ScoreFailure {
        guard let problem = Problem(of: error) else { preconditionFailure("bodies have no other errors") }
        return ScoreFailure(problem)
    }

    private func hand(
        _ put: (ScoreItem) -> Bool, _ source: String, _ index: Int?, _ content: ScoreItem.Content
    ) throws(NobodyWantsMore) {
        if !put(ScoreItem(source: source, index: index, content: content)) { throw NobodyWantsMore() }
    }

    /// Reads an array of one image or a stack of them, image by image.
    private func readArray(_ bytes: ByteReader, _ source: String, _ put: (ScoreItem) -> Bool) throws {
        let header: NPYArray.Header
        let layout: ArrayLayout
        do {
            header = try NPYArray.readHeader(bytes.peek(NPYArray.longestHeader))
            layout = try input.layout(of: header.shape)
        } catch let error as ArchiveError {
            throw error
        } catch {
            return try hand(put, source, nil, .failed(failure(error)))
        }
        guard header.dataBytes > 0 else { throw NotImages(reason: "has no images: its shape is \(header.shape)") }
        let count = layout.isStack ? header.shape[0] : 1
        let size = header.dataBytes / count
        guard size <= maxImageBytes else {
            throw ArchiveError.tooLarge(quantity: "bytes an image", limit: maxImageBytes)
        }
        try bytes.skip(header.bytes)
        let shape = layout.isStack ? Array(header.shape.dropFirst()) : header.shape
        let head = NPYArray.header(shape: shape, elementType: header.elementType)
        // In Fortran order the last byte of all belongs to the first image, or to the second.
        var whole: [UInt8]?
        if header.isTransposed {
            guard header.dataBytes <= maxImageBytes else {
                throw ArchiveError.tooLarge(
                    quantity:
                        "bytes of an array in Fortran order (numpy.ascontiguousarray makes one without this limit)",
                    limit: maxImageBytes)
            }
            let data = try bytes.read(header.dataBytes)
            guard data.count == header.dataBytes else { throw ArchiveError.truncated }
            whole = header.canonical(data[...])
        }
        for index in 0..<count {
            let values: [UInt8]
            if let whole {
                values = Array(whole[index * size..<(index + 1) * size])
            } else {
                let data = try bytes.read(size)
                guard data.count == size else { throw ArchiveError.truncated }
                values = header.elements(data[...])
            }
            let array = try NPYArray.decode(head + values)
            try hand(put, source, layout.isStack ? index : nil, row(array, layout.ofOneImage))
        }
        guard try bytes.peek(1).isEmpty else { throw ArchiveError.damaged(reason: "bytes after the array") }
    }

    /// Hands over rows of levels, `H·W·C` bytes each.
    /// - Throws: as ``read(_:from:_:)``.
    func readRows(_ bytes: ByteReader, from source: String, _ put: (ScoreItem) -> Bool) throws {
        var index = 0
        while true {
            let row = try bytes.read(shape.dims)
            if row.isEmpty { return }
            guard row.count == shape.dims else { throw ArchiveError.truncated }
            try hand(put, source, index, self.row(row, type: .octets))
            index += 1
        }
    }

    /// Reads a JSON text a line, each as a body of the route.
    private func readLines(_ bytes: ByteReader, _ source: String, _ put: (ScoreItem) -> Bool) throws {
        var index = 0
        while true {
            do {
                guard let line = try bytes.line(limit: maxImageBytes) else { return }
                if line.allSatisfy(isSpace) { continue }
                try readJSON(line, source, &index, put, alone: false)
            } catch ArchiveError.tooLarge(let quantity, let limit) {
                // the line was passed over, and the next may be sound
                let error = ArchiveError.tooLarge(quantity: quantity, limit: limit)
                try hand(put, source, index, .failed(ScoreFailure(file: "\(error)")))
                index += 1
            }
        }
    }

    /// Reads one JSON text, which may have the image's name as its member `source`.
    /// - Parameter alone: whether it is all that there is, so that a single image needs no index.
    private func readJSON(
        _ text: [UInt8], _ source: String, _ index: inout Int, _ put: (ScoreItem) -> Bool, alone: Bool
    ) throws {
        var name: String?
        let body: LogProbBody
        do {
            // a container takes two bytes at least
            let value = try JSONReader.read(text, limits: JSONReader.Limits(containers: text.count))
            if case .object(let members) = value, let given = members.first(where: { $0.name == "source" }) {
                guard case .string(let text) = given.value else {
                    throw Problem(.malformedBody, "source must be a string")
                }
                name = text
                body = try reader.read(JSON.object(members.filter { $0.name != "source" }).encoded, type: .json)
            } else {
                body = try reader.read(text, type: .json)
            }
        } catch {
            try hand(put, name ?? source, name == nil && !alone ? index : nil, .failed(failure(error)))
            index += 1
            return
        }
        for (place, image) in body.images.enumerated() {
            let number = body.isList ? (name == nil ? index : place) : (name == nil && !alone ? index : nil)
            try hand(put, name ?? source, number, content(image))
            index += 1
        }
    }
}

/// Whether a byte is white space in JSON (RFC 8259, section 2).
private func isSpace(_ byte: UInt8) -> Bool {
    ASCII.isBlank(byte) || byte == ASCII.lineFeed || byte == ASCII.carriageReturn
}

/// File that holds no images; `reason` completes "file: it …".
struct NotImages: Error {
    var reason: String
}
