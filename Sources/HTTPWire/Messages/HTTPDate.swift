/// Dates as HTTP writes them (IMF-fixdate, RFC 9110, section 5.6.7).
package enum HTTPDate {
    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Text of a moment, not before 1970, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
    package static func format(secondsSince1970 seconds: Int) -> String {
        let days = seconds / 86_400
        let second = seconds % 86_400
        let date = CivilDate(daysSince1970: days)
        let weekday = (days + 4) % 7  // 1 January 1970 was a Thursday
        return "\(weekdays[weekday]), \(twoDigits(date.day)) \(months[date.month - 1]) \(fourDigits(date.year)) "
            + "\(twoDigits(second / 3600)):\(twoDigits(second / 60 % 60)):\(twoDigits(second % 60)) GMT"
    }
}
