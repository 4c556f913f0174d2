import HTTPWire
import Testing

@Suite("Civil dates")
struct CivilDateTests {
    @Test("count days and come back, across leap years and centuries")
    func roundTrip() throws {
        for day in 0..<150_000 { #expect(CivilDate(daysSince1970: day).daysSince1970 == day) }
        #expect(try #require(CivilDate("1970-01-01")).daysSince1970 == 0)
        #expect(try #require(CivilDate("2000-02-29")).daysSince1970 == 11_016)
        #expect(try #require(CivilDate("2027-01-31")).daysSince1970 == 20_849)
    }

    @Test(
        "that do not exist, or are written otherwise, are none",
        arguments: [
            "", "2027", "2027-1-31", "2027-01-32", "2027-00-10", "2027-13-01", "2027-02-29", "2100-02-29", "2027-04-31",
            "2027-01-00", "27-01-31", "2027/01/31", "2027-01-31T00", "+027-01-01", "1969-12-31", "2027-01-3a",
        ])
    func invalid(_ text: String) {
        #expect(CivilDate(text) == nil)
    }

    @Test("moments are written as RFC 3339 does")
    func moments() {
        // RFC 9110, section 5.6.7: Sun, 06 Nov 1994 08:49:37 GMT
        #expect(rfc3339(secondsSince1970: 784_111_777) == "1994-11-06T08:49:37Z")
        #expect(rfc3339(secondsSince1970: 0) == "1970-01-01T00:00:00Z")
    }
}
