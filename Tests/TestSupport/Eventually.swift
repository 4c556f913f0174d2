public import Testing

/// Waits until `condition` holds; records an issue when it does not within `seconds`.
public func eventually(
    within seconds: Double = 600, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async -> Bool
) async {
    let end = ContinuousClock.now + .seconds(seconds)
    while await !condition() {
        guard ContinuousClock.now < end else {
            Issue.record("it did not happen within \(seconds) s", sourceLocation: sourceLocation)
            return
        }
        try? await Task.sleep(for: .milliseconds(1))
    }
}
