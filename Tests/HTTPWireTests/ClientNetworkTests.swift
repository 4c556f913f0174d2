import HTTPWire
import Testing

@Suite("Networks of clients")
struct ClientNetworkTests {
    @Test(
        "an address has a network, and text",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("255.255.255.255", "255.255.255.255"), ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:0:1:ffff::2", "2001:db8:0:1::/64"), ("fe80::1%eth0", "fe80:0:0:0::/64"), ("::1", "0:0:0:0::/64"),
        ])
    func text(_ peer: String, text: String) throws {
        #expect("\(try #require(ClientNetwork(peer)))" == text)
    }

    @Test("what has one text is one network, what has another is another")
    func identity() {
        let peers = [
            "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2", "::c000:201", "2001:db8::1", "2001:db8::2", "2001:db9::1",
        ]
        let networks = peers.compactMap(ClientNetwork.init)
        #expect(networks.count == peers.count)
        #expect(Set(networks).count == Set(networks.map(\.description)).count)
        #expect(Set(networks).count == 5)
    }

    @Test("what is no address has no network", arguments: ["", "localhost", "192.0.2", "2001:db8"])
    func none(_ peer: String) { #expect(ClientNetwork(peer) == nil) }
}
