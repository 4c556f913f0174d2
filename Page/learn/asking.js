// What several steps ask the service for.
import {levelsOfAnswer, shapeOf} from "../picture.js";

/** Seed of the sample that the steps begin with: of the animal model an elephant. */
export const firstSeed = 3;

/** A sample of the model by its seed: {levels, class, logProb}. */
export async function sampleOf(page, seed, signal) {
    const answer = await page.service.json("sample", {query: {model: page.model.name, seed}, signal});
    const [sample] = answer.samples;
    return {levels: await levelsOfAnswer(sample.image, shapeOf(page.model)), class: sample.class, logProb: sample.log_prob};
}

/** Answers of /logprob for pictures as levels, in their order, all in one request. */
export async function scoresOf(page, pictures, signal) {
    const size = pictures[0].length;
    const body = new Uint8Array(pictures.length * size);
    for (const [index, levels] of pictures.entries()) body.set(levels, index * size);
    const answer = await page.service.json("logprob", {query: {model: page.model.name, drift: "false"}, body, type: "application/octet-stream", signal});
    return answer.results ?? [answer];
}

/** Class that a latent of the sample needs to be decoded with; undefined for a model without a density for each class. */
export function classOf(page, sample) {
    return page.model.class_prior ? sample.class : undefined;
}

/** Uniformly random levels. */
export function randomLevels(shape) {
    const bytes = new Uint8Array(shape.height * shape.width * shape.channels);
    for (let from = 0; from < bytes.length; from += 65536) crypto.getRandomValues(bytes.subarray(from, Math.min(bytes.length, from + 65536)));
    return shape.levels === 256 ? bytes : bytes.map((value) => Math.floor(value * shape.levels / 256));
}

/** Runs `work`, reports what it throws unless the step was left, and says whether it ended well. */
export async function asked(page, signal, work) {
    try {
        await work();
        page.clearReport("step");
        return true;
    } catch (error) {
        if (!signal.aborted) page.report(error, () => asked(page, signal, work), "step");
        return false;
    }
}

/** Calls `step` every `milliseconds` until it returns false or the signal comes; returns a function that stops it. */
export function ticking(milliseconds, signal, step) {
    const timer = setInterval(() => { if (signal.aborted || step() === false) clearInterval(timer); }, milliseconds);
    return () => clearInterval(timer);
}
