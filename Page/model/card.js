// What a model is, from its record.
import {element, number} from "../elements.js";

const families = [
    [/^(nsf-convolutional|.*convolutional.*)$/, "an autoregressive flow of convolutions: each pixel given those before it"],
    [/glow/, "a flow of coupling layers on image channels, with invertible 1×1 convolutions (Glow)"],
    [/nice/, "a flow of additive coupling layers (NICE)"],
    [/realnvp|coupling/, "a flow of coupling layers: one half of the numbers is the key of the other (RealNVP)"],
    [/maf|autoregressive/, "a masked autoregressive flow: each number given those before it (MAF)"],
    [/iaf/, "an inverse autoregressive flow (IAF)"],
];

function family(architecture) {
    return families.find(([pattern]) => pattern.test(architecture))?.[1] ?? "a normalizing flow";
}

function row(name, ...value) {
    return [element("dt", {}, name), element("dd", {}, value)];
}

function plusMinus(value, error, digits) {
    return number(value, digits) + (error === null || error === undefined ? "" : ` ± ${number(error, digits)}`);
}

function duration(seconds) {
    if (seconds < 90) return `${number(seconds)} s`;
    return seconds < 5400 ? `${number(seconds / 60)} minutes` : `${number(seconds / 3600, 1)} hours`;
}

/** The card of `model`, a description as `GET /models/{model}` answers. */
export function card(model) {
    const {shape, training, held_out: held, decision, evaluation} = model;
    const ways = {parallel: "in one pass", sequential: "pixel by pixel, each weight used once"};
    const spline = model.hyper_parameters.bins ? `, splines of ${model.hyper_parameters.bins} bins` : "";
    return element("section", {class: "panel", "aria-labelledby": "card-title", dataset: {test: "model-card"}},
        element("h2", {id: "card-title"}, "Card"),
        element("dl", {class: "card"},
            row("Name", model.name),
            row("Architecture", element("code", {}, model.architecture), `: ${family(model.architecture)}${spline}`),
            row("Images", `${shape.width} × ${shape.height} pixels, ${shape.channels === 1 ? "gray" : `${shape.channels} channels`}, ${number(model.preprocessing.levels)} levels: `
                + `${number(model.dims)} numbers`),
            row("Classes", model.classes.length ? model.classes.join(", ") + (model.class_prior ? "" : " (one density for all)") : "none"),
            row("Parameters", number(model.parameter_count)),
            row("Trained on", training ? `${number(training.images)} images (${training.split}), ${number(training.epochs)} epochs in ${duration(training.wall_seconds)}`
                + (training.horizontal_flips ? ", half of them mirrored" : "") : "The file does not say."),
            held && row("Validation", `${plusMinus(held.bits_per_dim, held.bits_per_dim_standard_error, 3)} bits per dimension on ${number(held.count)} images that it did not learn`),
            evaluation && row("Test", `${plusMinus(evaluation.bits_per_dim, evaluation.bits_per_dim_standard_error, 3)} bits per dimension on ${number(evaluation.count)} images that nothing was chosen by`),
            row("A density", ways[model.execution.logprob]), row("A sample", ways[model.execution.sample]),
            row("Verdicts", decision ? `by ${number(decision.evidence.length)} kinds of evidence, calibrated by ${number(decision.count)} images; at most `
                + `${number(100 * decision.alarm, 1)} % of images like the learned ones are called outliers` : "none: the file has nothing to decide by (tusk calibrate adds it)"),
            row("Largest requests", `${number(model.limits.images)} images to score, ${number(model.limits.samples)} to draw at once`),
            row("File", `format ${model.format_version}, mathematics ${model.mathematics_version}`)));
}
