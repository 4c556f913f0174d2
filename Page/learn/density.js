// Step 2: a density says how probable each picture is, and differences of it are ratios.
import {element, fill, number} from "../elements.js";
import {paint, shapeOf} from "../picture.js";
import {linePlot} from "../plots.js";
import {asked, firstSeed, randomLevels, sampleOf, scoresOf} from "./asking.js";

const count = 21;

/** Percentage of held-out images that are less probable. */
function percentile(model, logProb) {
    const quantiles = model.calibration?.log_prob_quantiles;
    if (!quantiles) return null;
    const above = quantiles.findIndex((value) => value > logProb);
    return above < 0 ? 100 : Math.max(0, above - 1);
}

export function density(page, signal) {
    const shape = shapeOf(page.model);
    const canvas = element("canvas", {});
    const said = element("p", {role: "status", dataset: {test: "learn-result"}});
    const plot = element("div", {});
    const slider = element("input", {type: "range", min: 0, max: count - 1, value: 0, disabled: true, dataset: {test: "learn-action"}});
    let mixes = [];
    let scores = [];

    function show() {
        const at = Number(slider.value);
        const score = scores[at];
        const share = Math.round(100 * at / (count - 1));
        slider.setAttribute("aria-valuetext", `${share} % picture`);
        paint(canvas, mixes[at], shape, `a mix of ${share} % picture and ${100 - share} % noise`);
        const powers = (scores.at(-1).log_prob - score.log_prob) / Math.LN10;
        const place = percentile(page.model, score.log_prob);
        said.textContent = `${share} % picture: log p = ${number(score.log_prob, 0)} nats. `
            + (at === count - 1 ? "This is the picture itself." : `The picture itself is ${powers >= 0 ? "more" : "less"} probable by a factor of 10 to the power of ${number(Math.abs(powers), 0)}.`)
            + (place === null ? "" : ` Of the pictures that the model never saw, ${place} % are less probable.`);
        fill(plot, linePlot({
            series: [{name: "log p", points: scores.map((one, index) => [100 * index / (count - 1), one.log_prob])}],
            dots: [[share, score.log_prob]], x: {label: "per cent picture", low: 0, high: 100, digits: 0}, y: {label: "log p, nats", digits: 0},
            summary: `log p rises from ${number(scores[0].log_prob, 0)} for noise to ${number(scores.at(-1).log_prob, 0)} for the picture`,
        }));
    }

    slider.addEventListener("input", show);
    asked(page, signal, async () => {
        const sample = await sampleOf(page, firstSeed, signal);
        const noise = randomLevels(shape);
        mixes = Array.from({length: count}, (_, step) => sample.levels.map((level, index) => Math.round(level * step / (count - 1) + noise[index] * (1 - step / (count - 1)))));
        scores = await scoresOf(page, mixes, signal);
        slider.disabled = false;
        slider.value = String(count - 1);
        show();
    });
    return {
        heading: "A density",
        text: [
            "The model is a function that gives every picture of the universe a number, log p. Over all pictures the probabilities add up to one: what is more probable here must be less probable elsewhere.",
            "The number by itself says little; differences do. Each 2.3 nats are a factor of ten. Move from noise to a picture and watch it climb.",
        ],
        node: element("div", {class: "pair"}, element("div", {class: "stack"}, canvas, element("label", {class: "field"}, element("span", {}, "From noise to a picture"), slider)),
            element("div", {class: "stack"}, said, plot)),
    };
}
