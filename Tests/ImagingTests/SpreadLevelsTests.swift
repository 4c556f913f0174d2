import Imaging
import Testing

@Suite("Levels spread over gray values")
struct SpreadLevelsTests {
    @Test(
        "every gray value has a nearest level, and one to which it is reduced",
        arguments: [
            (2, 24_640, 24_640), (3, 45_184, 47_345), (16, 329_140, 333_760), (17, 350_720, 354_960),
            (200, 4_364_110, 4_353_024), (255, 5_567_680, 5_559_425), (256, 5_592_320, 5_592_320),
        ])
    func nearest(levels: Int, sum: Int, reducedSum: Int) {
        // numpy 2.4.6: (numpy.rint(numpy.arange(256) * (levels - 1) / 255) * numpy.arange(1, 257)).sum()
        let nearest = SpreadLevels(levels).nearest(to: (0...255).map { UInt8($0) })
        #expect(nearest.enumerated().reduce(0) { $0 + ($1.offset + 1) * Int($1.element) } == sum)
        // (numpy.arange(256) * levels // 256 * numpy.arange(1, 257)).sum()
        let reduced = SpreadLevels(levels).reduced((0...255).map { UInt8($0) })
        #expect(reduced.enumerated().reduce(0) { $0 + ($1.offset + 1) * Int($1.element) } == reducedSum)
        #expect(nearest[0] == 0 && Int(nearest[255]) == levels - 1)
        let all = (0..<levels).map { UInt8($0) }
        #expect(SpreadLevels(levels).nearest(to: SpreadLevels(levels).spread(all)) == all)
    }
}
