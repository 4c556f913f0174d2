import ArgumentParser
import DataSets
import FlowKernels
import FlowModels
import FlowTraining

struct Distill: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Learns the density of another model: makes a student from a teacher.",
        discussion: """
            The student draws images, and learns from what the teacher says of them: the reverse Kullback-Leibler divergence \
            is lowered, kl in the curve, and the weights of the epoch in which it was least are kept. The training images give the \
            start, how many samples an epoch has, and their classes. Validation is the student's bits/dim of held-out images, as in \
            train; it may rise while the divergence falls. What is written, and how it continues, is as in train. The teacher's file \
            is not changed.
            """)

    @Option(
        help: ArgumentHelp(
            "Model file of the teacher, whose densities must be parallel, such as maf; levels, alpha and classes are its own.",
            valueName: "file"))
    var teacher: String

    @OptionGroup(title: "Data") var data: DataArguments

    @Option(
        help: ArgumentHelp(
            "Of the student: \(Fit.architectures.joined(separator: ", ")).", valueName: "name"))
    var architecture = "iaf"

    @OptionGroup(title: "Model") var sizes: SizeArguments<TrainedSizes>
    @OptionGroup(title: "Training") var training: TrainingArguments
    @OptionGroup var session: TrainingSession

    mutating func run() throws {
        session = session.named(after: data.data)
        try session.exclusively {
            keepFreedMemory()
            let options = try session.options(training)
            guard !options.horizontalFlips, options.shift == 0 else {
                throw CommandError("--flips and --shift are of train: a student learns from its own samples")
            }
            let type = try TrainingSession.architecture(named: architecture)
            guard let type = type as? any ReversibleArchitecture.Type else {
                throw CommandError(
                    "--architecture \(architecture): students can be \(Fit.architectures.joined(separator: ", "))")
            }
            var model = ModelArguments()
            model.model = teacher
            let teacher = try Teacher(model.load())
            let (train, validation) = try session.images(of: data, levels: teacher.record.levels)
            try run(type, teacher: teacher, train: train, validation: validation, options: options)
        }
    }

    private func run<Flow: ReversibleArchitecture>(
        _ architecture: Flow.Type, teacher: Teacher, train: ImageDataSet, validation: ImageDataSet,
        options: TrainingOptions
    ) throws {
        var sizes = try sizes.sizes(of: architecture)
        sizes.classes = teacher.record.sizes.classes
        try session.announce(
            architecture, sizes, train, validation, options,
            more: "teacher     \(teacher.record.name) (\(teacher.record.architecture)), "
                + "\(grouped(teacher.record.parameterCount)) parameters", reversible: false)
        let trainer = try Trainer<Flow>(
            distilling: teacher, sizes: sizes, train: train, validation: validation,
            options: options, threads: session.threads)
        let isNamed = !teacher.record.classes.isEmpty && teacher.record.isConditional
        try session.run(trainer, classes: isNamed ? teacher.record.classes : train.classes)
    }
}
