import DensityAPI
import FlowModels
import HTTPTypes
import Serving
import TestSupport
import Testing

@Suite("Drift and sets over HTTP")
struct DriftTests {
    private struct Drift: Decodable {
        var drifted: Bool
        var driftedSince: Moment?
        var wealth: Double
        var logWealth: Double
        var alarmLevel: Double
        var alarm: Double
        var suspicion: Suspicion?
        var images: Int
        var passedOver: Int
        var outliers: Int
        var began: String?
        var calibrationImages: Int

        struct Moment: Decodable {
            var image: Int
            var time: String
        }

        struct Suspicion: Decodable {
            var since: Moment
            var imagesThat: String

            enum CodingKeys: String, CodingKey {
                case since
                case imagesThat = "images_that"
            }
        }

        enum CodingKeys: String, CodingKey {
            case drifted, wealth, alarm, suspicion, images, outliers, began
            case driftedSince = "drifted_since"
            case logWealth = "log_wealth"
            case alarmLevel = "alarm_level"
            case passedOver = "passed_over"
            case calibrationImages = "calibration_images"
        }
    }

    private let images = #"{"images":[[1,1,1,1,1,1],[2,1,1,1,1,1],[0,0,1]]}"#
    private let odd = #"{"images":["# + Array(repeating: "[200,1,1,1,1,1]", count: 200).joined(separator: ",") + "]}"

    @Test("images that are scored count, but for those that ask not to or have no rank, or no score")
    func counts() async throws {
        let api = try await TestAPI(FakeDensity(decision: .test()))
        let fresh: Drift = try await api.get("/drift").decoded()
        #expect(fresh.images == 0 && fresh.wealth == 1 && fresh.suspicion == nil && fresh.began == nil)
        #expect(fresh.alarm == 0.01 && fresh.alarmLevel == 200 && fresh.calibrationImages == 40)
        _ = try await api.postJSON("/logprob", images)
        _ = try await api.postJSON("/logprob?samples=4", images)
        _ = try await api.postJSON("/logprob?drift=false", images)
        _ = try await api.postJSON("/logprob?detail=none", images)
        _ = try await api.postJSON("/typicality", #"{"images":[[1,1,1,1,1,1]]}"#)
        let counted: Drift = try await api.get("/drift?model=fake").decoded()
        #expect(counted.images == 4 && counted.passedOver == 4 && counted.began?.hasSuffix("Z") == true)
        #expect(api.metrics("drift_images") == 4 && api.metrics("drift_alarms") == 0)
        let problem = try await api.postJSON("/logprob?drift=no", images).problem(422, "parameter")
        #expect(problem.hasPrefix("drift must be one of true, false"))
    }

    @Test("drift is told and stays told, until an administrator begins the test again")
    func alarm() async throws {
        let api = try await TestAPI(FakeDensity(decision: .test()))
        _ = try await api.postJSON("/logprob", odd)
        _ = try await api.postJSON("/logprob", images)
        let drifted: Drift = try await api.get("/drift").decoded()
        #expect(drifted.drifted && drifted.wealth >= 200 && drifted.outliers >= 200)
        let since = try #require(drifted.driftedSince)
        #expect((2...200).contains(since.image) && drifted.suspicion?.since.image == 1)
        #expect(drifted.suspicion?.imagesThat == "are odder than every calibration image")
        #expect(api.metrics("drift_alarms") == 1)
        #expect(try await api.request(.post, "/admin/drift/reset").status == 403)
        let reset: Drift = try await api.request(.post, "/admin/drift/reset", on: .unixSocket).decoded()
        #expect(!reset.drifted && reset.images == 0 && reset.wealth == 1)
        #expect(try await api.request(.post, "/admin/drift/reset?model=x", on: .unixSocket).status == 404)
    }

    @Test("a test goes on from its state, and begins anew with other calibration images")
    func states() async throws {
        let first = try await TestAPI(FakeDensity(decision: .test()))
        _ = try await first.postJSON("/logprob", odd)
        let states = first.service.driftStates
        let configuration = ServiceConfiguration()
        let second = DensityService(configuration: configuration)
        try await second.load([FakeDensity(decision: .test())], drift: states.mapValues { [$0] })
        #expect(second.driftStates == states)
        let other = DensityService(configuration: configuration)
        var decision = DecisionRecord.test()
        decision.scores[0] -= 0.25
        try await other.load([FakeDensity(decision: decision)], drift: states.mapValues { [$0] })
        #expect(other.driftStates["fake"]?.images == 0)
        var broken = states
        broken["fake"]?.images = -1
        let refusing = DensityService(configuration: configuration)
        await #expect(throws: ServingError.self) {
            try await refusing.load([FakeDensity(decision: .test())], drift: broken.mapValues { [$0] })
        }
    }

    @Test("a model without calibration has no drift and no sets")
    func uncalibrated() async throws {
        let api = try await TestAPI()
        let expected = "model: the model has no calibration of its evidence, which tusk calibrate adds"
        #expect(try await api.get("/drift").problem(422, "parameter") == expected)
        #expect(
            try await api.request(.post, "/admin/drift/reset", on: .unixSocket).problem(422, "parameter") == expected)
        #expect(try await api.postJSON("/typicality", images).problem(422, "parameter") == expected)
    }

    private struct Typicality: Decodable {
        var images: Int
        var verdict: String
        var alarm: Double
        var pValue: Double
        var asOdd: Int
        var asOddOf: Int
        var reasons: [String]
        var outliers: Int
        var tests: [Part]

        struct Part: Decodable {
            var name: String
        }

        enum CodingKeys: String, CodingKey {
            case images, verdict, alarm, reasons, outliers, tests
            case pValue = "p_value"
            case asOdd = "as_odd"
            case asOddOf = "as_odd_of"
        }
    }

    @Test("a set has one answer, by every kind of evidence; a bad image in it is named")
    func sets() async throws {
        let api = try await TestAPI(FakeDensity(decision: .test()))
        let set: Typicality = try await api.postJSON("/typicality?alarm=0.01", odd).decoded()
        #expect(set.images == 200 && set.verdict == "outlier" && set.alarm == 0.01 && set.outliers == 200)
        #expect(set.asOddOf == 10_000 && set.pValue == Double(set.asOdd) / 10_000 && !set.reasons.isEmpty)
        #expect(set.tests.map(\.name) == ["score", "score"] + DecisionRecord.test().evidence)
        let own: Typicality = try await api.postJSON("/typicality", #"{"image":[1,1,1,1,1,1]}"#).decoded()
        #expect(own.images == 1 && own.alarm == 0.05)
        let bad = try await api.postJSON("/typicality", images).problem(422, "image-size")
        #expect(bad.hasPrefix("image 3 of 3: image: a flat list has 6 numbers"))
        let rate = try await api.postJSON("/typicality?alarm=0.0001", odd).problem(422, "parameter")
        #expect(rate == "alarm: a rate of 0.0001 is below what 9999 choices of images tell of a set")
        #expect(try await api.postJSON("/typicality?samples=2", odd).problem(422, "parameter").contains("samples"))
    }
}
