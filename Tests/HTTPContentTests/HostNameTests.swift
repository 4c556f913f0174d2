import HTTPContent
import Testing

@Suite("Host names and origins")
struct HostNameTests {
    @Test(
        "origins are what a browser sends",
        arguments: [
            ("https://app.example", nil), ("http://localhost:3000", nil), ("HTTPS://App.Example", nil),
            ("http://[::1]:3000", nil), ("http://127.0.0.1:65535", nil), ("*", .anyOrigin), ("null", .nullOrigin),
            ("app.example", .notAnOrigin), ("https://", .notAnOrigin), ("https://app.example/", .notAnOrigin),
            ("https://app.example:", .notAnOrigin), ("https://app.example:65536", .notAnOrigin),
            ("https://app.example:08", .notAnOrigin), ("https://a b", .notAnOrigin), ("https://u@a", .notAnOrigin),
            ("https://bücher.example", .notAnOrigin), ("ftp://a", .notAnOrigin), ("https://*.example", .notAnOrigin),
            ("https://[::1", .notAnOrigin), ("https://app.example:443", .defaultPort), ("http://a:80", .defaultPort),
        ] as [(String, WebOriginError?)])
    func origins(_ text: String, _ error: WebOriginError?) {
        do throws(WebOriginError) {
            _ = try WebOrigin(text)
            #expect(error == nil)
        } catch let refusal {
            #expect(refusal == error)
        }
    }

    @Test(
        "host names have no port",
        arguments: [
            ("tusk.example", true), ("Tusk.Example.", true), ("10.0.0.7", true), ("[2001:db8::1]", true), ("a_b", true),
            ("", false), (".", false), ("a:80", false), ("[::1]:80", false), ("::1", false), ("a b", false),
            ("*", false),
            ("http://a", false), ("[x]", false), ("ä", false), (String(repeating: "a", count: 253), true),
            (String(repeating: "a", count: 254), false), ("a..b", false), ("tusk.example..", false), (".a", false),
        ])
    func hosts(_ text: String, _ isSound: Bool) {
        do throws(HostNameError) {
            _ = try HostName(text)
            #expect(isSound)
        } catch {
            #expect(!isSound)
        }
    }
}
