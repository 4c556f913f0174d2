import ArgumentParser
import DensityAPI
import Testing

@testable import tusk

@Suite("Limits on bodies of lines")
struct StreamArgumentsTests {
    private func parsed(_ arguments: [String]) throws -> APIOptions {
        let streams = try StreamArguments.parse(arguments)
        try streams.check()
        var options = APIOptions(version: "") { _ in }
        streams.apply(to: &options)
        return options
    }

    @Test("what is not given is the API's own default, and each option sets its limit")
    func values() throws {
        let own = APIOptions(version: "") { _ in }
        let defaults = try parsed([])
        #expect(
            defaults.maxStreamBacklog == own.maxStreamBacklog && defaults.streamBlockImages == own.streamBlockImages)
        let set = try parsed(["--max-stream-backlog", "1", "--stream-block", "2"])
        #expect(set.maxStreamBacklog == 1 && set.streamBlockImages == 2)
    }

    @Test("each has a range", arguments: [("--max-stream-backlog", 0, 1 << 32), ("--stream-block", 1, 65_536)])
    func ranges(_ option: String, least: Int, most: Int) throws {
        for value in [least, most] { _ = try parsed([option, "\(value)"]) }
        for value in [least - 1, most + 1] {
            let error = #expect(throws: CommandError.self) { try parsed(["\(option)=\(value)"]) }
            #expect(error?.description == "\(option) is \(value); it must be \(least) to \(most)")
        }
    }

    @Test("a service refuses what is out of range before anything else")
    func command() throws {
        let refused = try Program.run(["serve", "--model", "/nowhere", "--stream-block", "0"])
        #expect(refused.code != 0 && refused.errors.contains("--stream-block is 0; it must be 1 to 65536"))
    }
}
