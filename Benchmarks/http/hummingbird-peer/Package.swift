// swift-tools-version: 6.3
import PackageDescription

// A package of its own, so that the product never depends on what it is compared with. The folder is not called
// `hummingbird`, because that would be the identity of the package it depends on.
let package = Package(
    name: "health-peer",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    ],
    targets: [
        .executableTarget(
            name: "HealthPeer",
            dependencies: [
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ])
    ])
