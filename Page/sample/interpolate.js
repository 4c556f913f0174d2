// From one picture to another, along the great circle between their latents.
import {element, fill, number, prefersLessMotion, save} from "../elements.js";
import {levelsOfAnswer, paint, pictureOf, shapeOf, sheetOf} from "../picture.js";
import {linePlot} from "../plots.js";
import {Latest} from "../service.js";
import {randomSeed} from "./sample.js";

const steps = 17;

/** Interpolation from `from`, {levels, label}: {node, leave, setOther}; `setOther` takes the other end and says that it did. */
export function interpolation(page, from) {
    const shape = shapeOf(page.model);
    const body = element("div", {class: "stack"});
    const status = element("p", {class: "quiet", role: "status"});
    const node = element("div", {class: "stack", dataset: {test: "interpolate"}},
        element("p", {}, "Choose another picture in the gallery, or ",
            element("button", {type: "button", dataset: {test: "interpolate-new"}, onclick: drawOther}, "draw a new one"), "."),
        status, body);
    const asked = new Latest();
    let playing = 0;

    async function drawOther() {
        stopPlaying();
        const signal = asked.begin();
        try {
            const answer = await page.service.json("sample", {query: {model: page.model.name, seed: randomSeed()}, signal});
            const sample = answer.samples[0];
            const levels = await levelsOfAnswer(sample.image, shape);
            if (!signal.aborted) await find({levels, label: sample.class ? `a new ${sample.class}` : "a new picture"});
        } catch (error) {
            page.report(error, drawOther, "interpolation");
        }
    }

    async function find(to) {
        stopPlaying();
        const signal = asked.begin();
        status.textContent = "Finding the way …";
        const both = new Uint8Array(2 * from.levels.length);
        both.set(from.levels);
        both.set(to.levels, from.levels.length);
        try {
            const answer = await page.service.json("interpolate", {
                query: {model: page.model.name, steps}, body: both, type: "application/octet-stream", signal,
            });
            const images = answer.images.filter((image) => image.image);
            const pictures = await Promise.all(images.map((image) => levelsOfAnswer(image.image, shape)));
            if (signal.aborted) return;
            if (!pictures.length) {
                status.textContent = "No point on the way has a finite image.";
                return fill(body);
            }
            status.textContent = `${number(pictures.length)} pictures from ${from.label} to ${to.label}`
                + (answer.class ? `, all as ${answer.class}` : "")
                + (pictures.length < answer.images.length ? `; ${answer.images.length - pictures.length} have no finite image` : "");
            show(to, images, pictures);
            page.clearReport("interpolation");
        } catch (error) {
            if (error.name === "AbortError") return;
            status.textContent = "There is no way to show.";
            page.report(error, () => find(to), "interpolation");
        }
    }

    function show(to, images, pictures) {
        const middle = element("canvas", {dataset: {test: "interpolate-picture"}});
        const said = element("p", {class: "quiet", "aria-live": "polite"});
        const plot = element("div", {});
        const slider = element("input", {
            type: "range", min: 0, max: pictures.length - 1, value: 0, step: 1, "aria-label": "Place between the two pictures",
            dataset: {test: "interpolate-slider"}, oninput: () => { stopPlaying(); place(); },
        });
        const play = element("button", {type: "button", onclick: () => (playing ? stopPlaying() : start())}, "Play");
        const along = images.map((image) => [100 * image.position, image.bits_per_dim]);

        function place() {
            const at = Number(slider.value);
            paint(middle, pictures[at], shape, `${Math.round(100 * images[at].position)} % of the way`);
            slider.setAttribute("aria-valuetext", `${Math.round(100 * images[at].position)} % of the way, ${number(images[at].bits_per_dim, 2)} bits per dimension`);
            // Not while it plays: a screen reader would say nothing else.
            said.setAttribute("aria-live", playing ? "off" : "polite");
            said.textContent = `${Math.round(100 * images[at].position)} % of the way: ${number(images[at].bits_per_dim, 2)} bits per dimension`;
            fill(plot, linePlot({
                series: [{name: "bits/dim", points: along}], dots: [along[at]], x: {label: "per cent of the way", low: 0, high: 100, digits: 0},
                y: {label: "bits/dim (lower: more probable)", digits: 1},
                summary: `Bits per dimension along the way, from ${number(along[0][1], 2)} to ${number(along.at(-1)[1], 2)}, `
                    + `at most ${number(Math.max(...along.map((point) => point[1])), 2)}`,
            }));
        }

        async function download() {
            save(await sheetOf(pictures, shape, pictures.length), `${page.model.name}-way.png`);
        }

        function start() {
            play.textContent = "Pause";
            let forward = Number(slider.value) < pictures.length - 1;
            playing = setInterval(() => {
                const next = Number(slider.value) + (forward ? 1 : -1);
                slider.value = String(next);
                if (next <= 0 || next >= pictures.length - 1) forward = !forward;
                place();
            }, prefersLessMotion() ? 1000 : 120);
        }

        stopPlaying = () => {
            clearInterval(playing);
            playing = 0;
            play.textContent = "Play";
        };

        fill(body,
            element("div", {class: "between"}, pictureOf(from.levels, shape, from.label), middle, pictureOf(to.levels, shape, to.label)),
            slider, element("p", {class: "buttons"}, play,
                element("button", {type: "button", dataset: {test: "interpolate-save"}, onclick: download}, "Save the way as PNG")), said, plot,
            element("p", {class: "quiet"}, "Between the two lie points on a sphere, not on a line: bell-shaped numbers of many dimensions are all about equally far "
                + "from the middle, and a straight line would cut through where no picture is."));
        place();
    }

    let stopPlaying = () => {};

    return {
        node,
        setOther(other) { find(other); return true; },
        leave() { stopPlaying(); asked.stop(); page.clearReport("interpolation"); },
    };
}
