// Images near one: its latent, mixed with a little noise of a seed.
import {element, fill, number} from "../elements.js";
import {levelsOfAnswer, pictureOf, shapeOf} from "../picture.js";
import {Latest} from "../service.js";
import {normals} from "./random.js";

const count = 8;

/**
 * The images around `tile`: {node, leave}.
 *
 * With z its latent and ε standard normal, cos θ · z + sin θ · ε is a latent as normal as z, at the angle θ from it (the preconditioned Crank–Nicolson
 * move of Cotter et al. 2013, section 4.2). Each ε comes from a small seed.
 */
export function neighbours(page, tile) {
    const shape = shapeOf(page.model);
    let encoded = null;
    const asked = new Latest();
    let first = 1;

    const said = element("output", {});
    const distance = element("input", {type: "range", min: 1, max: 60, value: 15, oninput: () => { say(); later(); }, dataset: {test: "neighbours-distance"}});
    const list = element("ul", {class: "tiles", "aria-label": "Neighbours"});
    const status = element("p", {class: "quiet", role: "status"});
    const node = element("div", {class: "stack", dataset: {test: "neighbours"}},
        element("p", {}, "The model knows this picture as a point among bell-shaped numbers. These are points near to it: its numbers, "
            + "mixed with a little noise. Each seed is a direction."),
        element("div", {class: "controls"},
            element("label", {class: "field wide"}, element("span", {}, "Distance ", said), distance),
            element("button", {type: "button", onclick: () => { first += count; find(); }}, "Other directions")),
        status, list);

    function say() { said.textContent = `${distance.value}°`; }

    let timer = 0;
    function later() {
        clearTimeout(timer);
        timer = setTimeout(find, 150);
    }

    async function find() {
        const signal = asked.begin();
        status.textContent = "Looking around …";
        try {
            encoded ??= await page.service.json("encode", {
                query: {model: page.model.name, class: page.model.class_prior ? tile.class : undefined},
                body: tile.levels, type: "application/octet-stream", signal,
            });
            const angle = Number(distance.value) * Math.PI / 180;
            const seeds = Array.from({length: count}, (_, place) => first + place);
            const latents = seeds.map((seed) => {
                const noise = normals(seed, encoded.latent.length);
                return encoded.latent.map((value, index) => Math.cos(angle) * value + Math.sin(angle) * noise[index]);
            });
            const answer = await page.service.json("decode", {
                query: {model: page.model.name, class: encoded.class}, body: JSON.stringify({latents}), type: "application/json", signal,
            });
            const items = await Promise.all(answer.images.map(async (image, place) => {
                const name = `seed ${seeds[place]}`;
                if (!image.image) return element("li", {dataset: {test: "neighbour"}}, element("small", {}, `${name}: ${image.error}`));
                return element("li", {dataset: {test: "neighbour"}},
                    pictureOf(await levelsOfAnswer(image.image, shape), shape, `neighbour by ${name}`),
                    element("small", {}, `${name}, ${number(image.bits_per_dim, 2)} bits/dim`));
            }));
            if (signal.aborted) return;
            fill(list, items);
            page.clearReport("neighbours");
            status.textContent = `${count} neighbours at ${distance.value}°`;
        } catch (error) {
            if (error.name === "AbortError") return;
            status.textContent = "There are none to show.";
            page.report(error, find, "neighbours");
        }
    }

    say();
    find();
    return {node, leave() { clearTimeout(timer); asked.stop(); page.clearReport("neighbours"); }};
}
