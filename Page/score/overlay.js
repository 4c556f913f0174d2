// What each pixel has to do with the density, over the picture as the model sees it.
import {element, number} from "../elements.js";
import {paint} from "../picture.js";

/** Colour of a value from −1, far less probable than this picture's pixels mostly are, to 1: orange over nothing to blue. */
function colourOf(value) {
    const strength = Math.min(1, Math.abs(value));
    const [red, green, blue] = value < 0 ? [240, 120, 20] : [40, 110, 220];
    return [red, green, blue, Math.round(255 * strength)];
}

const kinds = {
    conditional: "the log-density of each pixel given those before it",
    gradient: "how strongly the log-density changes with each pixel",
};

/** The picture with the map over it: {node, show(levels), map(pixels)}; `pixels` is the member of an answer with `detail=pixels`. */
export function pixelOverlay(shape) {
    const picture = element("canvas", {dataset: {test: "model-sees"}});
    const map = element("canvas", {class: "pixels overlay", width: shape.width, height: shape.height, "aria-hidden": "true"});
    const slider = element("input", {type: "range", min: 0, max: 100, value: 60, oninput: () => { map.style.opacity = slider.value / 100; }, dataset: {test: "overlay-slider"}});
    const said = element("p", {class: "quiet", dataset: {test: "overlay-said"}});
    const node = element("div", {class: "stack"}, element("div", {class: "overlaid"}, picture, map),
        element("label", {class: "field"}, element("span", {}, "How much of the map"), slider), said);
    map.style.opacity = "0.6";

    return {
        node,
        show(levels) { paint(picture, levels, shape, "the picture as the model sees it"); },
        clear() {
            map.getContext("2d").clearRect(0, 0, shape.width, shape.height);
            said.textContent = "";
        },
        map({kind, values}) {
            const flat = values.flat().map((value) => (Array.isArray(value) ? value.reduce((sum, part) => sum + part, 0) : value));
            const sorted = [...flat].filter(Number.isFinite).sort((a, b) => a - b);
            const middle = sorted[Math.floor(sorted.length / 2)] ?? 0;
            const far = Math.max(1e-9, Math.abs((sorted[Math.floor(sorted.length * 0.01)] ?? 0) - middle), Math.abs((sorted.at(-1) ?? 0) - middle) / 2);
            const colours = new Uint8ClampedArray(4 * flat.length);
            for (const [place, value] of flat.entries()) {
                const distance = Number.isFinite(value) ? (value - middle) / far : -1;
                colours.set(colourOf(kind === "conditional" ? distance : -Math.abs(distance)), 4 * place);
            }
            map.getContext("2d").putImageData(new ImageData(colours, shape.width, shape.height), 0, 0);
            const least = flat.reduce((best, value, place) => (kind === "conditional" ? value < flat[best] : Math.abs(value) > Math.abs(flat[best])) ? place : best, 0);
            said.textContent = `The map shows ${kinds[kind] ?? kind}: orange where it is ${kind === "conditional" ? "less probable than the middle pixel of this picture, blue where more" : "strongest"}. `
                + `The oddest is in row ${Math.floor(least / shape.width) + 1}, column ${least % shape.width + 1}: ${number(flat[least], 1)} nats.`;
        },
    };
}
