// Step 1: how many images there are, and how few of them are images of something.
import {element, fill, number} from "../elements.js";
import {pictureOf, shapeOf} from "../picture.js";
import {asked, firstSeed, randomLevels, sampleOf, scoresOf} from "./asking.js";

export function universe(page, signal) {
    const shape = shapeOf(page.model);
    const digits = Math.floor(page.model.dims * Math.log10(shape.levels)) + 1;
    const result = element("p", {role: "status", dataset: {test: "learn-result"}});
    const shown = element("div", {class: "pair"});
    let tries = 0;
    let alike = 0;

    async function look() {
        await asked(page, signal, async () => {
            button.disabled = true;
            const levels = Array.from({length: 8}, () => randomLevels(shape));
            const scores = await scoresOf(page, levels, signal);
            tries += levels.length;
            alike += scores.filter((score) => score.verdict === "typical").length;
            const best = scores.reduce((a, b) => (a.log_prob > b.log_prob ? a : b));
            fill(shown.firstElementChild, element("ul", {class: "tiles"}, levels.map((one, index) => element("li", {},
                pictureOf(one, shape, `random picture, log p = ${number(scores[index].log_prob, 0)} nats`)))));
            const verdict = page.model.decision ? `${number(alike)} of them were like the learned ones. ` : "";
            result.textContent = `${number(tries)} random pictures tried. ${verdict}The best of these eight has log p = ${number(best.log_prob, 0)} nats`
                + (reference ? `; the picture beside them, which the model drew, ${number(reference, 0)}.` : ".");
        });
        button.disabled = false;
    }

    let reference = null;
    const button = element("button", {type: "button", class: "primary", onclick: look, dataset: {test: "learn-action"}}, "Look at eight more");
    shown.append(element("div", {}), element("figure", {}));
    asked(page, signal, async () => {
        const sample = await sampleOf(page, firstSeed, signal);
        [{log_prob: reference}] = await scoresOf(page, [sample.levels], signal);
        fill(shown.lastElementChild, pictureOf(sample.levels, shape, "a picture that the model drew"), element("figcaption", {class: "quiet"}, "Drawn by the model"));
        await look();
    });
    return {
        heading: "A universe of images",
        text: [
            `A picture of ${shape.width} × ${shape.height} pixels${shape.channels > 1 ? ` and ${shape.channels} colours` : ""} is ${number(page.model.dims)} numbers, each one of ${number(shape.levels)}. `
                + `So there are ${number(shape.levels)} to the power of ${number(page.model.dims)} of them: a number with ${number(digits)} digits. The number of atoms in the visible universe has about 80.`,
            "Every photograph of this size is among them. Pick one blindly, and you get dust. However long you look, you will not see an animal, a letter or a face.",
        ],
        node: element("div", {class: "stack"}, shown, element("p", {class: "buttons"}, button), result),
    };
}
