import Serving
import Testing

private typealias Life = ModelLifecycle<Int>

@Suite("Life of a model")
struct ModelLifecycleTests {
    @Test("goes from absent by loading and testing to serving, and by leaving to absent")
    func whole() throws {
        var life = Life()
        let steps: [(Life.Event, [Life.Action], ModelPhase)] = [
            (.begin(1), [], .loading), (.loaded(1), [], .testing), (.passed(1), [.serve(1)], .serving),
            (.leave, [.letGo(1)], .leaving), (.released(1), [], .absent),
        ]
        #expect(life.phase == .absent)
        for (event, actions, phase) in steps {
            #expect(try life.handle(event) == actions)
            #expect(life.phase == phase)
        }
    }

    @Test("an exchange serves the next generation, and the old one is leaving until nobody holds it")
    func exchange() throws {
        var life = try serving(1)
        #expect(try life.handle(.begin(2)).isEmpty)
        #expect(life.serving == 1 && life.phase == .serving)
        #expect(try life.handle(.loaded(2)).isEmpty)
        #expect(life.serving == 1)
        #expect(try life.handle(.passed(2)) == [.serve(2), .letGo(1)])
        #expect(life.serving == 2 && life.leaving == [1])
        #expect(try life.handle(.released(1)).isEmpty)
        #expect(life.leaving.isEmpty)
    }

    @Test("a failed exchange keeps the old generation", arguments: [false, true])
    func failed(isLoaded: Bool) throws {
        var life = try serving(1)
        let before = life
        _ = try life.handle(.begin(2))
        if isLoaded { _ = try life.handle(.loaded(2)) }
        #expect(try life.handle(.failed(2)) == (isLoaded ? [.letGo(2)] : []))
        #expect(life.serving == 1 && life.incoming == nil)
        if isLoaded { _ = try life.handle(.released(2)) }
        #expect(life == before)
    }

    private func serving(_ generation: Int) throws -> Life {
        var life = Life()
        for event in [Life.Event.begin(generation), .loaded(generation), .passed(generation)] {
            _ = try life.handle(event)
        }
        return life
    }

    // MARK: - Every state, every event

    /// What a generation is to its name.
    private enum Role: Hashable {
        case loading
        case testing
        case serving
        case leaving
    }

    private typealias Roles = [Int: Role]

    private func roles(of life: Life) -> Roles {
        var roles = Roles()
        for generation in life.leaving { roles[generation] = .leaving }
        switch life.incoming {
        case .loading(let generation): roles[generation] = .loading
        case .testing(let generation): roles[generation] = .testing
        case nil: break
        }
        if let generation = life.serving { roles[generation] = .serving }
        return roles
    }

    /// The roles and actions that should follow; nil where the event should be refused.
    private func expected(_ event: Life.Event, _ roles: Roles) -> (Roles, [Life.Action])? {
        var next = roles
        func generation(_ role: Role) -> Int? { roles.first { $0.value == role }?.key }
        switch event {
        case .begin(let new):
            guard roles[new] == nil, generation(.loading) == nil, generation(.testing) == nil else { return nil }
            next[new] = .loading
            return (next, [])
        case .loaded(let new):
            guard roles[new] == .loading else { return nil }
            next[new] = .testing
            return (next, [])
        case .passed(let new):
            guard roles[new] == .testing else { return nil }
            next[new] = .serving
            guard let old = generation(.serving) else { return (next, [.serve(new)]) }
            next[old] = .leaving
            return (next, [.serve(new), .letGo(old)])
        case .failed(let new):
            switch roles[new] {
            case .loading:
                next[new] = nil
                return (next, [])
            case .testing:
                next[new] = .leaving
                return (next, [.letGo(new)])
            default: return nil
            }
        case .leave:
            let gone = [generation(.testing), generation(.serving)].compactMap(\.self)
            guard !gone.isEmpty || generation(.loading) != nil else { return nil }
            if let loading = generation(.loading) { next[loading] = nil }
            for generation in gone { next[generation] = .leaving }
            return (next, gone.map(Life.Action.letGo))
        case .released(let old):
            guard roles[old] == .leaving else { return nil }
            next[old] = nil
            return (next, [])
        }
    }

    @Test("every event does in every state what it should, or is refused and changes nothing")
    func everything() {
        let generations = 0..<3
        let events =
            generations.flatMap { [Life.Event.begin($0), .loaded($0), .passed($0), .failed($0), .released($0)] } + [
                .leave
            ]
        var reached: Set<Life> = [Life()]
        var unseen = [Life()]
        while let life = unseen.popLast() {
            let roles = roles(of: life)
            #expect(life.phase == phase(roles))
            #expect(generations.allSatisfy { life.contains($0) == (roles[$0] != nil) })
            for event in events {
                var next = life
                do {
                    let actions = try next.handle(event)
                    guard let expected = expected(event, roles) else {
                        Issue.record("\(event) should be refused in \(life)")
                        continue
                    }
                    #expect(self.roles(of: next) == expected.0 && actions == expected.1, "\(event) in \(life)")
                } catch {
                    #expect(expected(event, roles) == nil, "\(event) is refused in \(life)")
                    #expect(next == life)
                }
                if reached.insert(next).inserted { unseen.append(next) }
            }
        }
        // Without one that serves: nothing on its way and any set leaving, 2³; or one of 3 in 2 states beside 2² sets.
        // With one of 3 that serves: 2² sets; or one of the other 2 in 2 states beside 2 sets.
        #expect(reached.count == 8 + 3 * 2 * 4 + 3 * (4 + 2 * 2 * 2))
    }

    private func phase(_ roles: Roles) -> ModelPhase {
        let all = Set(roles.values)
        if all.contains(.serving) { return .serving }
        if all.contains(.testing) { return .testing }
        if all.contains(.loading) { return .loading }
        return all.contains(.leaving) ? .leaving : .absent
    }
}
