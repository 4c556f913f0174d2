import Imaging
import Testing

/// The layout of `shape`, or in how many ways it can be read: "none", "NHW|CHW".
private func name(_ body: () throws(ArrayLayoutError) -> ArrayLayout) -> String {
    do throws(ArrayLayoutError) {
        return try body().rawValue
    } catch {
        switch error {
        case .none: return "none"
        case .several(_, let layouts): return layouts.map(\.rawValue).joined(separator: "|")
        }
    }
}

@Suite("Array layouts")
struct ArrayLayoutTests {
    @Test(
        "the model's sides tell the axes apart",
        arguments: [
            ([28, 28], 1, "HW"), ([28, 28, 1], 1, "HWC"), ([1, 28, 28], 1, "NHW"), ([5, 28, 28], 1, "NHW"),
            ([28, 28, 28], 1, "NHW"), ([5, 28, 28, 1], 1, "NHWC"), ([5, 1, 28, 28], 1, "NCHW"),
            ([0, 28, 28], 1, "NHW"),
            ([28, 28, 3], 3, "HWC"), ([3, 28, 28], 3, "CHW"), ([5, 28, 28, 3], 3, "NHWC"), ([5, 3, 28, 28], 3, "NCHW"),
            ([28, 28], 3, "none"), ([28, 28, 3], 1, "none"), ([32, 28], 1, "none"), ([784], 1, "none"), ([], 1, "none"),
            ([1, 1, 28, 28, 1], 1, "none"),
        ])
    func model(shape: [Int], channels: Int, layout: String) {
        #expect(
            name { () throws(ArrayLayoutError) in
                try .reading(of: shape, height: 28, width: 28, channels: channels)
            } == layout)
    }

    @Test("a shape that two layouts fit is refused with both")
    func ambiguous() {
        #expect(
            name { () throws(ArrayLayoutError) in
                try .reading(of: [3, 3, 3], height: 3, width: 3, channels: 3)
            } == "HWC|CHW")
        #expect(
            name { () throws(ArrayLayoutError) in
                try .reading(of: [9, 3, 3, 3], height: 3, width: 3, channels: 3)
            } == "NHWC|NCHW")
        // the same images either way
        #expect(
            name { () throws(ArrayLayoutError) in
                try .reading(of: [1, 1, 1], height: 1, width: 1, channels: 1)
            } == "HWC")
        #expect(
            "\(ArrayLayoutError.several(shape: [3, 64, 48], layouts: [.nhw, .chw]))"
                == "of the shape [3, 64, 48] can be read as NHW, 3 images of 64x48x1, or as CHW, 1 image of 64x48x3")
    }

    @Test(
        "with conversion the last axis of 1 to 4 is that of the colours",
        arguments: [
            ([64, 48], 1, "HW"), ([64, 48, 3], 1, "HWC"), ([64, 48, 4], 3, "HWC"), ([64, 48, 2], 1, "HWC"),
            ([64, 48, 1], 3, "HWC"), ([28, 28, 3], 1, "HWC"), ([5, 64, 48], 1, "NHW"), ([2, 64, 48], 1, "NHW"),
            ([1, 64, 48], 1, "NHW"), ([3, 28, 28], 1, "NHW"), ([3, 64, 48], 3, "CHW"), ([3, 64, 48], 1, "NHW|CHW"),
            ([4, 64, 48], 3, "NHW|CHW"), ([3, 64, 3], 3, "HWC|CHW"), ([5, 64, 48, 3], 1, "NHWC"),
            ([5, 3, 64, 48], 1, "NCHW"), ([5, 1, 64, 48], 3, "NCHW"), ([5, 3, 64, 1], 1, "NHWC|NCHW"),
            ([5, 3, 64, 4], 3, "NHWC|NCHW"), ([3, 64, 1], 3, "HWC|CHW"), ([3, 64, 4], 3, "HWC|CHW"),
            ([3, 64, 4], 1, "HWC|CHW"), ([4, 64, 3], 3, "HWC"), ([5, 4, 64, 3], 3, "NHWC"),
            ([5, 3, 64, 48], 3, "NCHW"), ([64, 0], 1, "none"), ([5, 7, 64, 48], 1, "none"),
        ])
    func converting(shape: [Int], channels: Int, layout: String) {
        #expect(
            name { () throws(ArrayLayoutError) in
                try .reading(of: shape, height: 28, width: 28, channels: channels, converting: true)
            } == layout)
    }

    @Test(
        "without a model the axis of the colours tells, among the layouts that come into question",
        arguments: [
            ([60, 28, 28], "NHW", "NHW"), ([60, 32, 32, 3], "NHWC", "NHWC"), ([60, 3, 32, 32], "NCHW", "NCHW"),
            ([60, 1, 28, 28], "NCHW", "NCHW"), ([28, 28, 3], "HWC", "NHW"), ([3, 28, 28], "NHW|CHW", "NHW"),
            ([60, 3, 32, 1], "NHWC|NCHW", "NHWC|NCHW"), ([60, 784], "HW", "none"), ([60, 32, 32, 5], "none", "none"),
        ])
    func unknown(shape: [Int], any: String, stack: String) {
        #expect(name { () throws(ArrayLayoutError) in try .reading(of: shape) } == any)
        #expect(
            name { () throws(ArrayLayoutError) in
                try .reading(of: shape, among: ArrayLayout.allCases.filter(\.isStack))
            } == stack)
    }

    @Test("channels come last, whatever an element is")
    func transposed() {
        // numpy 2.4.6: numpy.arange(12).reshape(2, 3, 1, 2).transpose(0, 2, 3, 1).ravel()
        let expected = [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]
        #expect(ArrayLayout.nchw.channelsLast(Array(0..<12), shape: [2, 3, 1, 2]) == expected)
        let bytes = (0..<12).flatMap { [UInt8($0), UInt8(100 + $0)] }
        #expect(
            ArrayLayout.nchw.channelsLast(bytes, shape: [2, 3, 1, 2], width: 2)
                == expected.flatMap { [UInt8($0), UInt8(100 + $0)] })
        #expect(ArrayLayout.chw.channelsLast(Array(0..<6), shape: [3, 1, 2]) == [0, 2, 4, 1, 3, 5])
        for layout in [ArrayLayout.hwc, .nhw] {
            #expect(layout.channelsLast(Array(0..<6), shape: [3, 1, 2]) == Array(0..<6))
        }
    }

    @Test("sides and the layout of one image")
    func sides() {
        #expect(ArrayLayout.nchw.sides(of: [9, 3, 4, 5]) == ArraySides(count: 9, height: 4, width: 5, channels: 3))
        #expect(ArrayLayout.hw.sides(of: [4, 5]) == ArraySides(count: 1, height: 4, width: 5, channels: 1))
        #expect(ArrayLayout.hw.sides(of: [4, 5, 6]) == nil)
        #expect(ArrayLayout.allCases.map(\.ofOneImage) == [.hw, .hwc, .hw, .hwc, .chw, .chw])
    }
}
