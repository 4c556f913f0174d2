import FlowCore
import Foundation
import TestSupport
import Testing

@testable import FlowModels

@Suite("The background model")
struct BackgroundModelTests {
    private static let shape = EventShape(height: 2, width: 2, channels: 1)

    /// A model of 3 levels that counted some images.
    private static func trained() -> BackgroundModel {
        var model = BackgroundModel(levels: 3, channels: 1)
        for image: [UInt8] in [[0, 0, 1, 1], [0, 1, 2, 2], [2, 2, 2, 2]] { model.count(image[...], shape: shape) }
        return model
    }

    @Test("its density integrates to one, before and after it has counted", arguments: [false, true])
    func normalised(isTrained: Bool) {
        let model = isTrained ? Self.trained() : BackgroundModel(levels: 3, channels: 1)
        var sum = 0.0
        for i in 0..<81 {
            let pixels = [i % 3, i / 3 % 3, i / 9 % 3, i / 27].map { UInt8($0) }
            // the density is per unit of y, of which an image has 3⁻⁴
            sum += exp(model.logProb(pixels, shape: Self.shape)) / 81
        }
        #expect(abs(sum - 1) < 1e-9, "\(sum)")
    }

    @Test("levels within a bin are equally probable, also where bins are uneven", arguments: [33, 40, 100, 256])
    func bins(levels: Int) {
        var model = BackgroundModel(levels: levels, channels: 1)
        let shape = EventShape(height: 1, width: 1, channels: 1)
        for level in 0..<20 { model.count([UInt8(level)][...], shape: shape) }
        let sum = (0..<levels).reduce(0.0) { $0 + exp(model.logProb([UInt8($1)], shape: shape)) / Double(levels) }
        #expect(abs(sum - 1) < 1e-9, "\(sum)")
    }

    @Test("what it has seen is more probable than what it has not")
    func learns() {
        let model = Self.trained()
        let (seen, not) = (
            model.logProb([2, 2, 2, 2], shape: Self.shape), model.logProb([1, 0, 0, 2], shape: Self.shape)
        )
        #expect(seen > not + 1)
        #expect(BackgroundModel(levels: 3, channels: 1).logProb([1, 0, 0, 2], shape: Self.shape) == 0, "all alike")
    }

    @Test("channels are counted apart")
    func channels() {
        let shape = EventShape(height: 1, width: 2, channels: 2)
        var model = BackgroundModel(levels: 4, channels: 2)
        for _ in 0..<50 { model.count([0, 3, 0, 3][...], shape: shape) }
        #expect(model.logProb([0, 3, 0, 3], shape: shape) > model.logProb([3, 0, 3, 0], shape: shape) + 5)
    }

    @Test("is the same after a file; one that does not fit its images is refused")
    func record() throws {
        let model = Self.trained()
        #expect(try JSONDecoder().decode(BackgroundModel.self, from: JSONEncoder().encode(model)) == model)
        #expect(model.fault(shape: Self.shape, levels: 3) == nil)
        #expect(model.fault(shape: Self.shape, levels: 4)?.field == "levels")
        let wide = EventShape(height: 2, width: 2, channels: 3)
        #expect(model.fault(shape: wide, levels: 3)?.field == "channels")
        let broken = String(decoding: try JSONEncoder().encode(model), as: UTF8.self).replacing("[0,", with: "[-1,")
        let read = try JSONDecoder().decode(BackgroundModel.self, from: Data(broken.utf8))
        #expect(read.fault(shape: Self.shape, levels: 3)?.field == "counts")
    }

    @Test("evidence has the ratio where the record has the model, in nats")
    func ratio() throws {
        let plain = try tinyModel(AffineCouplingFlow.self, levels: 17)
        var background = BackgroundModel(levels: 17, channels: 1)
        background.count(plain.record.check.pixels[...], shape: plain.record.eventShape)
        let model = plain.with(background: background)
        let row = DensityRow(pixels: plain.record.check.pixels, wantsEvidence: true)
        let place = try #require(Evidence.all.firstIndex { $0.name == "background_ratio" })
        let without = try #require(try plain.densities(of: [row], isCancelled: { false })[0].evidence)
        let density = try model.densities(of: [row], isCancelled: { false })[0]
        #expect(without[place].isNaN)
        let expected = density.logProb - background.logProb(row.pixels, shape: plain.record.eventShape)
        #expect(density.evidence?[place] == expected)
    }
}
