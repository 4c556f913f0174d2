import CLibFuzzer
import FoundationEssentials
import Glibc

/// The target that the command line names. libFuzzer passes over what begins with `--`, and hands it on to the
/// processes that it starts of itself.
private let target = FuzzTarget.all.first { CommandLine.arguments.contains("--target=\($0.name)") }

/// `tusk-fuzz list`; `tusk-fuzz seeds FOLDER`, which writes what no hand could into a corpus of `model`; or
/// `tusk-fuzz --target=NAME` with the options, files and folders of libFuzzer.
@main
enum Fuzz {
    static func main() throws {
        let words = CommandLine.arguments.dropFirst()
        if words == ["list"] {
            for target in FuzzTarget.all { print(target.name, target.maxLength) }
            return
        }
        if words.first == "seeds", let folder = words.dropFirst().first {
            for seed in try modelSeeds() { try Data(seed.bytes).write(to: URL(filePath: "\(folder)/\(seed.name)")) }
            return
        }
        guard target != nil else {
            print("usage: tusk-fuzz list | seeds FOLDER | --target=NAME [options, files and folders of libFuzzer]")
            exit(64)
        }
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv
        exit(
            unsafe LLVMFuzzerRunDriver(&count, &arguments) { data, size in
                let input = unsafe Array(UnsafeBufferPointer(start: data, count: size))
                do { try target?.run(input) } catch { fatalError("\(error)") }
                return 0
            })
    }
}
