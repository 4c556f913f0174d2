import System

/// A day of the Gregorian calendar, in UTC.
///
/// Source: Howard Hinnant, *chrono-Compatible Low-Level Date Algorithms*, `civil_from_days` and `days_from_civil`.
package struct CivilDate: Equatable, Sendable {
    /// Year of the era.
    package var year: Int
    /// Month, 1 for January.
    package var month: Int
    /// Day of the month, from 1.
    package var day: Int

    private static let daysPerEra = 146_097
    /// Days from 1 March of the year 0 to 1 January 1970.
    private static let epoch = 719_468

    /// The day that is `days` after 1 January 1970, not negative.
    package init(daysSince1970 days: Int) {
        let shifted = days + Self.epoch
        let era = shifted / Self.daysPerEra
        let dayOfEra = shifted % Self.daysPerEra
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153  // 0 is March
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// The day that `text` writes as RFC 3339 does, `2027-01-31`, from 1970 on; nil unless there is such a day.
    package init?(_ text: some StringProtocol) {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.map(\.count) == [4, 2, 2], parts.joined().allSatisfy(ASCII.isDigit) else { return nil }
        let numbers = parts.map { $0.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) } }
        (year, month, day) = (numbers[0], numbers[1], numbers[2])
        // A day that does not exist counts on into the next month, and so comes back as another.
        guard year >= 1970, (1...12).contains(month), (1...31).contains(day),
            self == CivilDate(daysSince1970: daysSince1970)
        else { return nil }
    }

    /// Days from 1 January 1970 to this one.
    package var daysSince1970: Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear % 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * Self.daysPerEra + dayOfEra - Self.epoch
    }
}

/// Text of a moment as RFC 3339, section 5.6, writes it: `1994-11-06T08:49:37Z`.
package func rfc3339(secondsSince1970 seconds: Int) -> String {
    let date = CivilDate(daysSince1970: seconds / 86_400)
    let second = seconds % 86_400
    return "\(fourDigits(date.year))-\(twoDigits(date.month))-\(twoDigits(date.day))T"
        + "\(twoDigits(second / 3600)):\(twoDigits(second / 60 % 60)):\(twoDigits(second % 60))Z"
}

func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
func fourDigits(_ value: Int) -> String { twoDigits(value / 100) + twoDigits(value % 100) }
