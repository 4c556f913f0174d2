import System
import Testing

@Suite("Loss of power while a file is replaced")
struct PowerLossTests {
    /// Contents that the file may have after a loss of power at each moment of a replacement, by all that the disk may have kept of
    /// what was not yet synchronized; nil where there is no file.
    private func outcomes(_ disk: PowerLossDisk, replacing old: [UInt8]?) throws -> (
        during: Set<[UInt8]?>, after: Set<[UInt8]?>
    ) {
        if let old { disk.preset("a", old) }
        try ReplacingFile.write(to: "a", by: disk) { write in
            try write([2, 2])
            try write([3])
            try write([4, 4])
        }
        var during: Set<[UInt8]?> = []
        for moment in 0..<disk.count {
            for crashed in disk.crashes(after: moment) { during.insert(crashed.contents("a")) }
        }
        return (during, Set(disk.crashes(after: disk.count).map { $0.contents("a") }))
    }

    private let new: [UInt8] = [2, 2, 3, 4, 4]

    @Test("leaves the old file or the new one, and the new one once the writing is done", arguments: [[1, 1, 1], nil])
    func outcomes(_ old: [UInt8]?) throws {
        let (during, after) = try outcomes(PowerLossDisk(), replacing: old)
        #expect(during == [old, new])
        #expect(after == [new])
    }

    /// What the test above would not see, if the disk here lost too little.
    @Test("would leave neither if the file were not synchronized, and bring the old one back if the folder were not")
    func controls() throws {
        let noFile = try outcomes(PowerLossDisk(ignoring: [.file]), replacing: [1])
        #expect(
            noFile.during.contains([]) && noFile.during.contains([2, 2, 3]) && noFile.during.contains([0, 0, 3, 4, 4]))
        #expect(noFile.after.count > 1)
        let noFolder = try outcomes(PowerLossDisk(ignoring: [.folder]), replacing: [1])
        #expect(noFolder.during == [[1]] && noFolder.after == [[1], new])
    }

    @Test("leaves nothing that hinders the next writing, which leaves its own file alone")
    func restart() throws {
        let disk = PowerLossDisk()
        _ = try outcomes(disk, replacing: [1])
        var states = 0
        for moment in 0...disk.count {
            for crashed in disk.crashes(after: moment) {
                states += 1
                try ReplacingFile.write(to: "a", by: crashed) { write in try write([9]) }
                #expect(crashed.names == ["a"] && crashed.contents("a") == [9])
                #expect(crashed.crashes(after: crashed.count).allSatisfy { $0.contents("a") == [9] })
            }
        }
        #expect(states > 100)
    }

    @Test("no space at any step leaves the old file and no other, or the new one, and says so")
    func noSpace() throws {
        let whole = PowerLossDisk()
        _ = try outcomes(whole, replacing: [1])
        for step in 0..<whole.calls {
            let disk = PowerLossDisk()
            disk.failingCall = step
            let error = #expect(throws: SystemError.self) { _ = try outcomes(disk, replacing: [1]) }
            #expect(error == SystemError.noSpace)
            // of all steps only the synchronization of the folder comes after the file has its name
            #expect(disk.names == ["a"] && disk.contents("a") == (step == whole.calls - 1 ? new : [1]), "\(step)")
            #expect(disk.open == 0)
        }
    }
}
