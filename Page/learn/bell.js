// Step 3: bell-shaped numbers become an image.
import {element, fill, number, prefersLessMotion} from "../elements.js";
import {levelsOfAnswer, paint, shapeOf} from "../picture.js";
import {legend, linePlot} from "../plots.js";
import {asked, classOf, firstSeed, sampleOf, ticking} from "./asking.js";

/** The normal distribution function, to 1e-7 (Abramowitz and Stegun 1964, 26.2.17). */
function normalDistribution(z) {
    const t = 1 / (1 + 0.2316419 * Math.abs(z));
    const tail = Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI)
        * t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
    return z < 0 ? tail : 1 - tail;
}

/** Whether the flow is one autoregressive map, which draws one number after another in the order of the pixels. */
export function isOneAutoregressiveMap(model) {
    return model.hyper_parameters.layers === 1 && model.execution.logprob === "parallel" && model.execution.sample === "sequential";
}

/** Histogram of `values` as a density, beside that of the standard normal distribution. */
function histogram(values) {
    const [low, width, bins] = [-4, 0.25, 32];
    const counts = new Array(bins).fill(0);
    for (const value of values) {
        const bin = Math.floor((value - low) / width);
        if (bin >= 0 && bin < bins) counts[bin] += 1;
    }
    const middle = (bin) => low + (bin + 0.5) * width;
    const series = [
        {name: "these numbers", points: counts.map((value, bin) => [middle(bin), value / values.length / width])},
        {name: "the bell", points: counts.map((_, bin) => [middle(bin), Math.exp(-(middle(bin) ** 2) / 2) / Math.sqrt(2 * Math.PI)])},
    ];
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    return [linePlot({series, x: {label: "value", digits: 0}, y: {label: "how often", low: 0},
        summary: `The numbers have mean ${number(mean, 2)} and standard deviation ${number(spread, 2)}; the bell has 0 and 1`}), legend(series)];
}

export function bell(page, signal) {
    const shape = shapeOf(page.model);
    const isOne = isOneAutoregressiveMap(page.model);
    const canvas = element("canvas", {});
    const plot = element("div", {});
    const said = element("p", {role: "status", dataset: {test: "learn-result"}});
    const slider = element("input", {type: "range", min: 0, max: 1, value: 0, disabled: true, oninput: () => { halt(); show(); }, dataset: {test: "learn-action"}});
    const play = element("button", {type: "button", disabled: true, onclick: () => (halting ? halt() : start())}, "Play");
    const again = element("button", {type: "button", onclick: () => load(Math.floor(Math.random() * 2 ** 31))}, "Another picture");
    let states = [];
    let halting = null;

    function halt() {
        halting?.();
        halting = null;
        play.textContent = "Play";
    }

    function start() {
        if (Number(slider.value) === states.length - 1) slider.value = "0";
        play.textContent = "Pause";
        halting = ticking(prefersLessMotion() ? 1000 : Math.max(60, 2500 / states.length), signal, () => {
            slider.value = String(Number(slider.value) + 1);
            show();
            if (Number(slider.value) < states.length - 1) return true;
            halt();
            return false;
        });
    }

    function show() {
        const at = Number(slider.value);
        const words = isOne ? `row ${at} of ${states.length - 1}` : `map ${at} of ${states.length - 1}`;
        paint(canvas, states[at], shape, words);
        slider.setAttribute("aria-valuetext", words);
        // Not while it plays: a screen reader would say nothing else.
        said.setAttribute("aria-live", halting ? "off" : "polite");
        said.textContent = at === 0 ? "All of it is noise: the numbers follow the bell." : at === states.length - 1 ? "The picture is there, and nothing of the noise is left over or lost."
            : isOne ? `${at} of ${states.length - 1} rows have become picture; each pixel looked at all before it.` : `After ${at} of ${states.length - 1} maps.`;
    }

    async function load(seed) {
        halt();
        again.disabled = true;
        await asked(page, signal, async () => {
            const sample = await sampleOf(page, seed, signal);
            const encoded = await page.service.json("encode", {
                query: {model: page.model.name, class: classOf(page, sample)}, body: sample.levels, type: "application/octet-stream", signal,
            });
            fill(plot, histogram(encoded.latent));
            states = isOne ? rowsOf(sample.levels, encoded.latent) : await statesOf(encoded);
            slider.max = String(states.length - 1);
            slider.value = "0";
            slider.disabled = play.disabled = false;
            show();
            if (!prefersLessMotion()) start();
        });
        again.disabled = false;
    }

    /** States between latent and image of a map that draws row by row: what is known is the image, the rest still the latent. */
    function rowsOf(levels, latent) {
        const gray = latent.map((value) => Math.min(shape.levels - 1, Math.floor(normalDistribution(value) * shape.levels)));
        const width = shape.width * shape.channels;
        return Array.from({length: shape.height + 1}, (_, row) => Uint8Array.from(gray, (value, index) => (index < row * width ? levels[index] : value)));
    }

    async function statesOf(encoded) {
        const answer = await page.service.json("decode", {
            query: {model: page.model.name, class: encoded.class, states: "true"}, body: JSON.stringify({latent: encoded.latent}), type: "application/json", signal,
        });
        return await Promise.all(answer.images[0].states.map((state) => levelsOfAnswer(state, shape)));
    }

    load(firstSeed);
    return {
        heading: "From the bell to an image",
        text: [
            "A flow is a chain of invertible maps. One way it turns any picture into numbers that look like noise: independent, and each from the same bell curve. That way it computes log p.",
            isOne ? "The other way it turns noise into a picture. This model has one map, which goes pixel by pixel: what stands below the line is still noise, what stands above it is already picture."
                : "The other way, map after map, it turns noise into a picture.",
        ],
        node: element("div", {class: "pair"}, element("div", {class: "stack"}, canvas,
            element("label", {class: "field"}, element("span", {}, "From noise to the picture"), slider), element("p", {class: "buttons"}, play, again)),
        element("div", {class: "stack"}, said, plot)),
    };
}
