// Pictures to begin with: samples of the model, and oddities made of them.
import {element, fill} from "../elements.js";
import {levelsOfAnswer, pictureOf, shapeOf} from "../picture.js";

/** Samples by which the model's paper is known too; drawn once for each model. */
const [seed, count] = [3, 4];

/** The pixels of `levels` in any order (Fisher and Yates). */
function shuffled(levels, channels) {
    const order = Array.from({length: levels.length / channels}, (_, pixel) => pixel);
    for (let last = order.length - 1; last > 0; last -= 1) {
        const other = Math.floor(Math.random() * (last + 1));
        [order[last], order[other]] = [order[other], order[last]];
    }
    return Uint8Array.from(levels, (_, index) => levels[order[Math.floor(index / channels)] * channels + index % channels]);
}

/** Samples of the model as levels with their classes. */
export async function samplesOf(page, signal) {
    const shape = shapeOf(page.model);
    const answer = await page.service.json("sample", {query: {model: page.model.name, seed, count: Math.min(count, page.model.limits.samples)}, signal});
    return await Promise.all(answer.samples.map(async (sample) => ({levels: await levelsOfAnswer(sample.image, shape), label: sample.class ? `a drawn ${sample.class}` : "a sample"})));
}

/** The level that stands on the borders of `samples` most often, of each channel. */
export function paperOf(samples, shape) {
    return Array.from({length: shape.channels}, (_, channel) => {
        const border = [];
        for (const {levels} of samples) {
            for (let row = 0; row < shape.height; row += 1) {
                for (let column = 0; column < shape.width; column += 1) {
                    if (row % (shape.height - 1) && column % (shape.width - 1)) continue;
                    border.push(levels[(row * shape.width + column) * shape.channels + channel]);
                }
            }
        }
        return border.sort((a, b) => a - b)[Math.floor(border.length / 2)];
    });
}

/** Buttons with examples; `onChosen({levels, label})`. */
export function exampleButtons(page, samples, paper, {onChosen}) {
    const shape = shapeOf(page.model);
    const top = shape.levels - 1;
    const first = samples[0].levels;
    const all = [
        ...samples,
        {label: "noise", levels: first.map(() => Math.floor(Math.random() * shape.levels))},
        {label: "inverted", levels: first.map((level) => top - level)},
        {label: "pixels shuffled", levels: shuffled(first, shape.channels)},
        {label: "empty", levels: first.map((_, index) => paper[index % shape.channels])},
    ];
    return element("ul", {class: "tiles small"}, all.map((example) => element("li", {}, element("button", {
        type: "button", class: "tile", "aria-label": `Score ${example.label}`, title: example.label, dataset: {test: "example"}, onclick: () => onChosen(example),
    }, pictureOf(example.levels, shape)))));
}

/** Fills `place` with the examples of the chosen model. */
export function showExamples(place, node) { fill(place, element("h2", {}, "Or begin with one of these"), node); }
