import Testing

@testable import tusk

@Suite("Release of memory")
struct ReleaseScheduleTests {
    @Test("it comes once there was no request for the time")
    func quiet() {
        var schedule = ReleaseSchedule(quiet: .seconds(2))
        #expect(schedule.ended(at: .seconds(10)) == .look(after: .seconds(2)))
        #expect(schedule.look(requests: 0, at: .seconds(12)) == .release)
        // The next one begins anew.
        #expect(schedule.ended(at: .seconds(20)) == .look(after: .seconds(2)))
        #expect(schedule.look(requests: 0, at: .seconds(22)) == .release)
    }

    @Test("requests that end or are under way meanwhile put it off, and only one look is on its way")
    func busy() {
        var schedule = ReleaseSchedule(quiet: .seconds(2))
        #expect(schedule.ended(at: .seconds(10)) == .look(after: .seconds(2)))
        #expect(schedule.ended(at: .seconds(11)) == .nothing)
        #expect(schedule.look(requests: 0, at: .seconds(12)) == .look(after: .seconds(1)))
        #expect(schedule.look(requests: 3, at: .seconds(13)) == .look(after: .seconds(2)))
        #expect(schedule.ended(at: .seconds(14)) == .nothing)
        #expect(schedule.look(requests: 0, at: .seconds(15)) == .look(after: .seconds(1)))
        #expect(schedule.look(requests: 0, at: .seconds(16)) == .release)
    }

    @Test("an end that comes a little late puts nothing forward")
    func order() {
        var schedule = ReleaseSchedule(quiet: .seconds(2))
        _ = schedule.ended(at: .seconds(10))
        #expect(schedule.ended(at: .seconds(9)) == .nothing)
        #expect(schedule.look(requests: 0, at: .seconds(11)) == .look(after: .seconds(1)))
    }
}
