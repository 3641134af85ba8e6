// swift-tools-version: 6.3
import Foundation
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
    // Exclusive access is checked in every debug and test build; in release it would cost 6 % of a small request.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

var targets: [Target] = [
    room("ProxyTypes"),
    room("HTTPWire", ["ProxyTypes"]),
    room("Pooling", ["ProxyTypes"]),
    room("Tuning", ["ProxyTypes"]),
    room("Metrics", ["ProxyTypes"]),
    .target(name: "CLinux"),
    room(
        "Configuration",
        ["ProxyTypes", "Tuning", "Yams", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
    room("Reactor", ["ProxyTypes", "CLinux"]),
    room("Upstream", ["ProxyTypes", "HTTPWire", "Pooling", "Tuning", "Metrics", "CLinux", "Reactor"]),
    room("ForwardProxy", ["ProxyTypes", "HTTPWire", "Pooling", "Tuning", "Metrics", "CLinux", "Reactor", "Upstream"]),
    .executableTarget(
        name: "connd",
        dependencies: [
            "ProxyTypes", "HTTPWire", "Pooling", "Tuning", "Metrics", "Upstream", "ForwardProxy", "CLinux",
            "Reactor", "Configuration", logging, .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: strict
    ),
]

let package = Package(
    name: "connd",
    products: [.executable(name: "connd", targets: ["connd"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: targets
)
