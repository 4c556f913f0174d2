import FlowCore
import HTTPContent
import Imaging
import System

/// Bodies of JSON, and of lines of it.
extension LogProbBodyReader {
    func json(_ body: [UInt8], _ decoder: inout ImageDecoder) throws -> LogProbBody.Parts {
        let value = try JSONReader.read(body, limits: textLimits(images: options.maxRequestRows))
        if let (array, layout) = try wholeArray(value) {
            guard layout.isStack, case .array(let images) = value else { return try parts(of: array, layout) }
            return try parts(of: array, images, layout.ofOneImage)
        }
        let json = try JSONImages(value, maxImages: options.maxRequestRows)
        let items = json.items.map { result -> LogProbBody.Item in
            switch result {
            case .success(let image): item(image, &decoder)
            case .failure(let problem): .row(.failure(problem))
            }
        }
        return LogProbBody.Parts(items: items, isList: json.isList)
    }

    /// Images in `layout` that `array` is a stack of, each judged by itself: one of whole numbers stays so beside others of fractions.
    private func parts(of array: NPYArray, _ images: [JSON], _ layout: ArrayLayout) throws(Problem) -> LogProbBody.Parts
    {
        try checkCount(images.count)
        let rows = images.map { image in
            Result { () throws(Problem) in try input.rows(of: NPYArray(image), layout)[0].get() }
        }
        try input.checkScale(of: array, rows)
        return LogProbBody.Parts(items: rows.map { .row($0) }, isList: true)
    }

    /// Bounds of a text of so many images.
    func textLimits(images: Int) -> JSONReader.Limits {
        let shape = input.shape
        let perImage = shape.height * (max(shape.width, shape.channels) + 1) + 2
        return JSONReader.Limits(containers: max(JSONReader.Limits().containers, images * perImage))
    }

    /// Reads a JSON text a line, each an image as those of a list are; the lines are whole, and none is empty.
    func lines(_ body: [UInt8], _ decoder: inout ImageDecoder) -> LogProbBody.Parts {
        let limits = textLimits(images: 1)
        let items = body.split(separator: ASCII.lineFeed).map { line -> LogProbBody.Item in
            do throws(Problem) {
                let value: JSON
                do throws(JSONError) {
                    value = try JSONReader.read(Array(line), limits: limits)
                } catch {
                    throw Problem(.malformedBody, "the line is not JSON: at byte \(error.offset), \(error.reason)")
                }
                return item(try JSONImage(value), &decoder)
            } catch {
                return .row(.failure(error))
            }
        }
        return LogProbBody.Parts(items: items, isList: true)
    }

    /// The array that a list at the top is as a whole, with its layout; nil for a list of images, each by itself.
    /// - Throws: ``ProblemKind/imageSize`` for one that can be read in two ways, or in none.
    private func wholeArray(_ value: JSON) throws(Problem) -> (NPYArray, ArrayLayout)? {
        let outline = NPYArray.outline(of: value)
        guard outline.count > 1 else { return nil }
        let converts = input.terms.fit != nil
        // images whose numbers stand in a row, which is no picture of the model's size but where it has one row
        let areRows = outline == [outline[0], input.shape.dims]
        if areRows, !converts || outline[0] == 1 && input.shape.height == 1 { return nil }
        if let asked = input.terms.layout, asked.sides(of: outline) == nil { return nil }
        // lists of different lengths are images of which some are bad
        guard let array = try? NPYArray(value) else { return nil }
        if let asked = input.terms.layout { return (array, asked) }
        if areRows { throw rowsOrPicture(outline) }
        return (array, try input.layout(of: outline))
    }

    /// Problem of lists of as many numbers as an image has, which with `fit` may be images or the rows of one.
    private func rowsOrPicture(_ outline: [Int]) -> Problem {
        Problem(
            .imageSize,
            "the list may be \(outline[0]) images of \(outline[1]) numbers in a row, {\"images\": [X, …]}, or one of "
                + "\(outline[0])x\(outline[1]) pixels, {\"image\": X} or layout=\(ArrayLayout.hw.rawValue)")
    }

    /// What there is to decode of an image of a JSON body.
    func item(_ image: JSONImage, _ decoder: inout ImageDecoder) -> LogProbBody.Item {
        switch image {
        case .encoded(let bytes): decoder.plan(bytes[...])
        case .array(let array): .row(Result { () throws(Problem) in try row(of: array) })
        }
    }

    /// The model's row of an array that is one image.
    private func row(of array: NPYArray) throws(Problem) -> [UInt8] {
        if array.shape.count == 1 { return try input.row(ofFlat: array) }
        let layout = try input.layout(of: array.shape)
        let rows = try input.rows(of: array, layout)
        guard rows.count == 1 else {
            throw Problem(
                .imageCount, "image: it is \(rows.count) images, \(layout.rawValue); many are {\"images\": [X, …]}")
        }
        return try rows[0].get()
    }
}
