import HTTPContent
import Testing

@Suite("Trace ids")
struct TraceContextTests {
    private static let traceID = "0af7651916cd43dd8448eb211c80319c"

    @Test("that of a valid traceparent is read")
    func valid() {
        #expect(TraceContext.traceID("00-\(Self.traceID)-b7ad6b7169203331-01") == Self.traceID)
    }

    @Test(
        "a traceparent that is not valid has none (W3C Trace Context, section 3.2.2)",
        arguments: [
            "", "00", "00-TRACE-b7ad6b7169203331", "00-TRACE-b7ad6b7169203331-1", "00-TRACE-b7ad6b716920333-001",
            "00-\(String(repeating: "0", count: 32))-b7ad6b7169203331-01", "00-TRACE-0000000000000000-01",
            "ff-TRACE-b7ad6b7169203331-01", "0g-TRACE-b7ad6b7169203331-01", "00-TRACE-b7ad6b7169203331-01-more",
            "00-TRACE-B7AD6B7169203331-01", "00_TRACE-b7ad6b7169203331-01", " 00-TRACE-b7ad6b7169203331-01",
            "01-TRACE-b7ad6b7169203331-01more", "00-\(String(repeating: "A", count: 32))-b7ad6b7169203331-01",
        ])
    func invalidTrace(_ template: String) {
        #expect(TraceContext.traceID(template.replacing("TRACE", with: Self.traceID)) == nil)
    }

    @Test("one of a later version is known by what it has in common with ours")
    func laterTrace() {
        for value in ["01-TRACE-b7ad6b7169203331-01", "cc-TRACE-b7ad6b7169203331-01-what-comes-next"] {
            #expect(TraceContext.traceID(value.replacing("TRACE", with: Self.traceID)) == Self.traceID)
        }
    }
}
