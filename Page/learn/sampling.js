// Step 5: what one density and one sample take here and now, and what the sample would take pass by pass.
import {element, fill, number} from "../elements.js";
import {shapeOf} from "../picture.js";
import {asked, randomLevels} from "./asking.js";

/** Milliseconds that the service computed for an answer, by its Server-Timing field (W3C Server Timing). */
function computed(response) {
    return Number(/compute;dur=([\d.]+)/.exec(response.headers.get("Server-Timing") ?? "")?.[1] ?? NaN);
}

function duration(milliseconds) {
    return milliseconds < 1000 ? `${number(milliseconds, milliseconds < 10 ? 1 : 0)} ms` : `${number(milliseconds / 1000, 1)} s`;
}

export function sampling(page, signal) {
    const dims = page.model.dims;
    const bars = element("div", {class: "bars"});
    const said = element("p", {role: "status", dataset: {test: "learn-result"}});
    const button = element("button", {type: "button", class: "primary", onclick: measure, dataset: {test: "learn-action"}}, "Measure it here and now");
    const isSequential = page.model.execution.sample === "sequential";

    async function measure() {
        button.disabled = true;
        said.textContent = "Measuring …";
        const isDone = await asked(page, signal, async () => {
            const times = {density: [], sample: []};
            // any picture takes as long
            const levels = randomLevels(shapeOf(page.model));
            for (let turn = 0; turn < 5; turn += 1) {
                const scored = await page.service.request("logprob", {
                    query: {model: page.model.name, detail: "none", drift: "false"}, body: levels, type: "application/octet-stream", signal,
                });
                await scored.arrayBuffer();
                times.density.push(computed(scored));
                const drawn = await page.service.request("sample", {query: {model: page.model.name, seed: 1000 + turn}, signal});
                await drawn.arrayBuffer();
                times.sample.push(computed(drawn));
            }
            const middle = (list) => [...list].sort((a, b) => a - b)[2];
            const [density, sample] = [middle(times.density), middle(times.sample)];
            if (density > 0 && sample > 0) show(density, sample);
            else said.textContent = "The answers do not say how long they took: something between here and the service leaves that out.";
        });
        if (!isDone) said.textContent = "It could not be measured.";
        button.disabled = false;
    }

    function show(density, sample) {
        const rows = [
            ["One density, as it is here", density], ["One sample, as it is here", sample],
            ...(isSequential || page.model.execution.logprob === "sequential" ? [[`One ${isSequential ? "sample" : "density"} by ${number(dims)} passes (computed: ${number(dims)} times one pass)`, dims * (isSequential ? density : sample)]] : []),
        ];
        const longest = Math.max(...rows.map((row) => row[1]));
        fill(bars, rows.map(([name, value]) => {
            const bar = element("div", {class: "bar"});
            bar.style.width = `${Math.max(0.5, 100 * value / longest)}%`;
            return element("div", {}, element("p", {}, `${name}: `, element("strong", {}, duration(value))), bar);
        }));
        const ratio = number(sample / density, sample / density < 10 ? 1 : 0);
        said.textContent = `The median of five. A sample takes ${ratio} times as long as a density`
            + (isSequential ? `, not ${number(dims)} times.` : ".");
    }

    return {
        heading: "Why drawing need not be slow",
        text: isSequential ? [
            `Each pixel needs all pixels before it, so ${number(dims)} numbers are drawn one after another. Done plainly that is ${number(dims)} passes through the network, and most libraries do just that.`,
            "But a unit that looks at the first ten pixels only can be computed once, when the tenth is known, and kept. Sorted in that order the weights form a triangle, and a picture takes every weight once: as much work as one pass, only in small steps.",
        ] : page.model.execution.logprob === "sequential" ? [
            `This model draws in one pass. Its density is what goes number by number: done plainly that is ${number(dims)} passes through the network.`,
            "But a unit that looks at the first ten numbers only can be computed once, when the tenth is known, and kept. Sorted in that order the weights form a triangle, and a density takes every weight once: as much work as one pass, only in small steps.",
        ] : [
            "This model's maps are drawn from in parallel: a sample is one pass through the network, as a density is. Flows that draw number by number need not be slower by their number of pixels either, when each unit is computed once and kept.",
        ],
        node: element("div", {class: "stack"}, element("p", {class: "buttons"}, button), bars, said),
    };
}
