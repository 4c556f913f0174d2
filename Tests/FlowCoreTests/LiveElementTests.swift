import FlowCore
import Testing

@Suite("Live elements of a parameter array")
struct LiveElementTests {
    @Test("of a masked matrix are the first of every row, rows one after another")
    func masked() {
        let info = ParameterInfo(name: "w", shape: [4, 3], reach: [0, 1, 1, 3])
        let whole: [Float] = [0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 4, 5]
        #expect(info.liveCount == 5 && info.liveShape == [5])
        #expect(info.live(of: whole) == [1, 2, 3, 4, 5])
        #expect(info.whole(of: [1, 2, 3, 4, 5]) == whole)
        // what stands outside the mask is not looked at
        #expect(info.live(of: whole.map { $0 == 0 ? 9 : $0 }) == [1, 2, 3, 4, 5])
    }

    @Test("are none where a mask leaves nothing")
    func empty() {
        let info = ParameterInfo(name: "w", shape: [2, 3], reach: [0, 0])
        #expect(info.liveCount == 0 && info.liveShape == [0] && info.live(of: Array(repeating: 0, count: 6)) == [])
        #expect(info.whole(of: []) == Array(repeating: 0, count: 6))
    }

    @Test("without a mask are all, in the array's own shape")
    func unmasked() {
        let info = ParameterInfo(name: "w", shape: [2, 2])
        #expect(info.liveCount == 4 && info.liveShape == [2, 2])
        #expect(info.live(of: [1, 2, 3, 4]) == [1, 2, 3, 4] && info.whole(of: [1, 2, 3, 4]) == [1, 2, 3, 4])
    }
}
