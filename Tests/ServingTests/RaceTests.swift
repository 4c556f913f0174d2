import System

#if THREAD_SANITIZER
    import Dispatch
    import Serving
    import Testing

    /// `make tsan` demands that this is reported, so that a sanitizer which sees nothing does not pass.
    @Suite("A race")
    struct RaceTests {
        @Test("two threads change a variable")
        func race() {
            nonisolated(unsafe) var count = 0
            let done = DispatchSemaphore(value: 0)
            Threads.start {
                unsafe count += 1
                done.signal()
            }
            // Not ordered with the other change, whichever comes first.
            unsafe count += 1
            done.wait()
            #expect(unsafe count > 0)
        }
    }
#endif
