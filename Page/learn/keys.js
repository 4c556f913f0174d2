// Step 4: a map changes a part of the numbers by a key, which is another part.
import {element, fill, number} from "../elements.js";
import {levelsOfAnswer, paint, pixelsOf, shapeOf} from "../picture.js";
import {Latest} from "../service.js";
import {asked, classOf, firstSeed, sampleOf} from "./asking.js";
import {diagram} from "./diagram.js";

export function keys(page, signal) {
    const shape = shapeOf(page.model);
    const before = element("canvas", {});
    const after = element("canvas", {});
    const said = element("p", {role: "status", dataset: {test: "learn-result"}});
    const place = element("input", {type: "range", min: 0, max: page.model.dims - 1, value: Math.floor(page.model.dims * 0.4), disabled: true,
        onchange: () => change(), oninput: () => sayPlace(), dataset: {test: "learn-action"}});
    let latent = null;
    let image = null;
    let name;

    function sayPlace() {
        place.setAttribute("aria-valuetext", `number ${Number(place.value) + 1} of ${page.model.dims}`);
    }

    const changing = new Latest();

    async function change() {
        const own = changing.begin(signal);
        await asked(page, own, async () => {
            const index = Number(place.value);
            const changed = latent.map((value, at) => (at === index ? (value > 0 ? value - 2 : value + 2) : value));
            const answer = await page.service.json("decode", {
                query: {model: page.model.name, class: name}, body: JSON.stringify({latents: [latent, changed]}), type: "application/json", signal: own,
            });
            const [unchanged, other] = await Promise.all(answer.images.map((one) => levelsOfAnswer(one.image, shape)));
            if (own.aborted) return;
            image = unchanged;
            show(index, latent[index], changed[index], other);
        });
    }

    function show(index, from, to, other) {
        const pixels = pixelsOf(other, shape);
        let [count, first] = [0, null];
        for (let pixel = 0; pixel < shape.height * shape.width; pixel += 1) {
            const at = pixel * shape.channels;
            const isChanged = other.subarray(at, at + shape.channels).some((level, channel) => level !== image[at + channel]);
            if (!isChanged) continue;
            count += 1;
            first ??= pixel;
            // towards orange, so that dark and light ones are both told from those that stayed
            for (const [channel, value] of [230, 110, 20].entries()) pixels[4 * pixel + channel] = Math.round(0.5 * pixels[4 * pixel + channel] + 0.5 * value);
        }
        paint(before, image, shape, "the picture of the numbers as they were");
        paint(after, other, shape, `the picture with one number changed: ${count} pixels differ, in orange`);
        after.getContext("2d").putImageData(new ImageData(pixels, shape.width, shape.height), 0, 0);
        const where = first === null ? "" : ` The first of them is pixel ${number(first + 1)}, in row ${Math.floor(first / shape.width) + 1}.`;
        said.textContent = `Number ${number(index + 1)} of ${number(page.model.dims)} went from ${number(from, 2)} to ${number(to, 2)}: ${number(count)} of ${number(shape.height * shape.width)} pixels changed.${where}`;
    }

    asked(page, signal, async () => {
        const sample = await sampleOf(page, firstSeed, signal);
        const encoded = await page.service.json("encode", {
            query: {model: page.model.name, class: classOf(page, sample)}, body: sample.levels, type: "application/octet-stream", signal,
        });
        latent = encoded.latent;
        name = encoded.class;
        place.disabled = false;
        sayPlace();
        await change();
    });
    const isSequential = page.model.execution.sample === "sequential";
    return {
        heading: "Keys",
        text: [
            "How can a map be as clever as it likes and still be undone? It takes a part of the numbers as a key, computes from it how to stretch and shift another part, and leaves the key as it is. Who has the key can undo it.",
            isSequential ? "Here the key of each pixel is all pixels before it: an autoregressive flow. Change one of the noise numbers, and only pixels from there on can change."
                : page.model.execution.logprob === "sequential" ? "Here the key of each number is all noise numbers before it: an inverse autoregressive flow."
                    : "Here one half of the numbers is the key of the other half, and the halves take turns: coupling layers. Change one of the noise numbers and see how far it is felt.",
        ],
        node: element("div", {class: "stack"}, diagram(isSequential ? "autoregressive" : page.model.execution.logprob === "sequential" ? "inverse" : "coupling"),
            element("h3", {}, "And in this model"),
            element("label", {class: "field"}, element("span", {}, "Which noise number to change"), place),
            element("div", {class: "pair even"}, element("figure", {}, before, element("figcaption", {class: "quiet"}, "As it was")),
                element("figure", {}, after, element("figcaption", {class: "quiet"}, "One number changed: what differs is orange"))), said),
    };
}
