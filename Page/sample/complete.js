// A picture of which a part is hidden, completed in several ways.
import {element, field, fill, number} from "../elements.js";
import {levelsOfAnswer, pixelsOf, shapeOf} from "../picture.js";
import {Latest} from "../service.js";
import {maskBoard} from "./mask.js";
import {randomSeed} from "./sample.js";

const mostParticles = 64;

/** Completions of `handed`, {levels, label, mask?}: {node, leave}. */
export function completion(page, handed) {
    const shape = shapeOf(page.model);
    const board = maskBoard(handed.levels, shape, handed.mask);
    const count = element("select", {}, [4, 8, 12, 16].map((value) => element("option", {value, selected: value === 8}, String(value))));
    const seed = element("input", {type: "text", inputMode: "numeric", pattern: "[0-9]{1,19}", required: true, size: 12, value: String(randomSeed())});
    const named = page.model.class_prior ? page.model.classes : [];
    const classes = element("select", {}, element("option", {value: ""}, "whatever fits"), named.map((name) => element("option", {value: name}, name)));
    const go = element("button", {class: "primary", dataset: {test: "complete-go"}}, "Complete it");
    const cancel = element("button", {type: "button", disabled: true, onclick: () => asked.stop()}, "Cancel");
    const tint = element("input", {type: "checkbox", checked: true, onchange: () => results.forEach((one) => one.draw())});
    const status = element("p", {class: "quiet", role: "status"});
    const method = element("div", {dataset: {test: "complete-method"}});
    const list = element("ul", {class: "tiles completions", "aria-label": "Completions"});
    const asked = new Latest();
    let results = [];

    const middle = [shape.height / 2, shape.width / 2];
    const halves = [
        ["Upper half", (row) => row < middle[0], "complete-upper"], ["Lower half", (row) => row >= middle[0], "complete-lower"],
        ["Left half", (_, column) => column < middle[1], "complete-left"], ["Right half", (_, column) => column >= middle[1], "complete-right"],
        ["Nothing", () => false, "complete-nothing"],
    ];
    const form = element("form", {class: "controls", onsubmit: (event) => { event.preventDefault(); find(); }},
        field("How many", count), field("Seed", seed), named.length > 0 && field("As", classes),
        element("p", {class: "buttons"}, go, cancel));
    const node = element("div", {class: "stack", dataset: {test: "complete"}},
        element("p", {}, "Hide a part of the picture: the model draws it anew, so that it fits what is left."),
        element("div", {class: "complete-board"}, board.node),
        element("p", {class: "buttons", role: "group", "aria-label": "Hide"},
            halves.map(([name, test, hook]) => element("button", {type: "button", dataset: {test: hook}, onclick: () => board.set(test)}, name)),
            element("button", {type: "button", onclick: () => board.undo()}, "Undo")),
        form, status, method,
        element("label", {class: "check"}, tint, " Show what was drawn in colour"), list);
    if (!handed.mask) board.set(halves[1][1]);

    async function find(particles) {
        const hidden = board.mask.reduce((sum, value) => sum + value, 0);
        if (hidden === 0) {
            status.textContent = "Nothing is hidden: hide a part of the picture first.";
            return;
        }
        const signal = asked.begin();
        page.clearReport("completion");
        cancel.disabled = false;
        fill(method);
        fill(list);
        results = [];
        status.textContent = `Drawing ${number(hidden)} of ${number(board.mask.length)} pixels, in ${count.value} ways …`;
        const mask = Uint8Array.from(board.mask);
        try {
            const answer = await page.service.json("complete", {
                query: {model: page.model.name, count: count.value, seed: seed.value, class: classes.value, particles},
                body: JSON.stringify({image: image(), mask: rows(mask)}), type: "application/json", signal,
            });
            const made = await Promise.all(answer.samples.map((sample, index) => result(sample, index, mask)));
            if (signal.aborted) return;
            results = made;
            fill(list, made.map((one) => one.node));
            status.textContent = `${number(made.length)} completions, seed ${answer.seed}`;
            fill(method, explain(answer));
        } catch (error) {
            if (!asked.isLast(signal)) return;
            status.textContent = error.name === "AbortError" ? "Cancelled" : "It could not be completed.";
            page.report(error, () => find(particles), "completion");
        } finally {
            if (asked.isLast(signal)) cancel.disabled = true;
        }
    }

    /** The levels as nested rows, [height][width] or [height][width][channels]. */
    function image() {
        const row = (r) => Array.from({length: shape.width}, (_, c) => {
            const first = (r * shape.width + c) * shape.channels;
            return shape.channels === 1 ? handed.levels[first] : Array.from(handed.levels.subarray(first, first + shape.channels));
        });
        return Array.from({length: shape.height}, (_, r) => row(r));
    }

    function rows(mask) {
        return Array.from({length: shape.height}, (_, row) => Array.from(mask.subarray(row * shape.width, (row + 1) * shape.width)));
    }

    async function result(sample, index, mask) {
        const levels = await levelsOfAnswer(sample.image, shape);
        const canvas = element("canvas", {class: "pixels", width: shape.width, height: shape.height, role: "img", "aria-label": `completion ${index + 1}`});
        function draw() {
            const pixels = pixelsOf(levels, shape);
            if (tint.checked) {
                for (let place = 0; place < mask.length; place += 1) {
                    if (!mask[place]) continue;
                    // towards a blue, so that dark and light pixels are both told from known ones
                    for (const [channel, value] of [31, 120, 200].entries()) {
                        pixels[4 * place + channel] = Math.round(0.65 * pixels[4 * place + channel] + 0.35 * value);
                    }
                }
            }
            canvas.getContext("2d").putImageData(new ImageData(pixels, shape.width, shape.height), 0, 0);
        }
        draw();
        const kind = sample.class ? `${sample.class}, ` : "";
        return {draw, node: element("li", {class: "completion", dataset: {test: "completion"}}, canvas,
            element("small", {}, `${kind}${number(sample.bits_per_dim, 2)} bits/dim`))};
    }

    /** How the completions came about, and how far they can be relied on. */
    function explain(answer) {
        if (answer.method === "conditional") {
            return element("p", {}, "These are exact: all that is known comes before what is hidden, in the model's order, so each was drawn from the distribution "
                + "of the rest given the known part.");
        }
        if (answer.method === "sequential-monte-carlo") {
            const size = Math.min(...answer.samples.map((sample) => sample.effective_sample_size));
            const ancestors = Math.min(...answer.samples.map((sample) => sample.ancestors));
            const more = Math.min(mostParticles, 4 * answer.particles);
            return element("div", {}, element("p", {}, `These are approximate: for each, ${answer.particles} attempts were drawn side by side and weighed by how well they meet the known `
                + `part. In the hardest place about ${number(size, 1)} of ${answer.particles} carried the weight, `
                + `and what is shown descends from ${number(ancestors)} of those begun with`
                + ((size < answer.particles / 4 || ancestors === 1) && more > answer.particles ? ": more attempts would fit better." : ".")),
            more > answer.particles && element("button", {type: "button", onclick: () => find(more)}, `Again with ${more} attempts, which takes ${Math.round(more / answer.particles)} times as long`));
        }
        const acceptance = answer.samples.map((sample) => sample.acceptance).filter((value) => value !== undefined);
        const mean = acceptance.reduce((sum, value) => sum + value, 0) / (acceptance.length || 1);
        return element("p", {}, `These are approximate: a chain of ${number(answer.moves)} small changes was run for each, of which ${number(100 * mean)} % were kept `
            + "(about 30 % is good). Longer chains fit better.");
    }

    return {node, leave() { asked.stop(); page.clearReport("completion"); }};
}
