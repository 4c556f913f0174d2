// How keys work, on six numbers: which of them a number is computed from, and in which order.
import {element, fill} from "../elements.js";

const count = 6;
const [width, height, size, left, step] = [420, 210, 36, 30, 65];
const rows = {noise: 24, image: height - 24 - size};
const subscripts = "₁₂₃₄₅₆";

/**
 * Kinds of keys, each {name, keys(index), says(index, keys)}: `keys(index)` are the places and the row of what number `index` is stretched and shifted by.
 *
 * Autoregressive: Papamakarios et al. 2017, section 3. Inverse: Kingma et al. 2016, section 3. Coupling: Dinh et al. 2017, section 3.2.
 */
const kinds = {
    autoregressive: {
        name: "All before it", keys: (index) => ({row: "image", places: Array.from({length: index}, (_, place) => place)}),
        order: "An image is drawn number by number, each waiting for those before it; its density takes all of them at once.",
    },
    inverse: {
        name: "All noise before it", keys: (index) => ({row: "noise", places: Array.from({length: index}, (_, place) => place)}),
        order: "An image is drawn at once, as all noise is known; its density waits number by number.",
    },
    coupling: {
        name: "The other half", keys: (index) => ({row: "noise", places: index < count / 2 ? [] : [0, 1, 2]}),
        order: "Both ways go at once. One map leaves its first half as it is, so the next map takes the halves the other way round.",
    },
};

function letter(row, index) { return `${row === "noise" ? "z" : "x"}${subscripts[index]}`; }

function sentence(kind, index) {
    const {row, places} = kinds[kind].keys(index);
    const [from, to] = [letter("noise", index), letter("image", index)];
    if (kind === "coupling" && index < count / 2) return `${to} is ${from} as it is: it is a part of the key.`;
    if (!places.length) return `${to} is ${from}, stretched and shifted by fixed amounts: nothing comes before it.`;
    return `${to} is ${from}, stretched and shifted by amounts that a network computes from the key ${places.map((place) => letter(row, place)).join(", ")}.`;
}

/** The diagram: six numbers of noise above, six of the image below, and the key of the one that is chosen. `first` is the kind that is shown first. */
export function diagram(first) {
    let [kind, chosen] = [first, 3];
    const place = element("div", {});
    const said = element("p", {role: "status", dataset: {test: "diagram-said"}});
    const order = element("p", {class: "quiet"});
    const choices = Object.entries(kinds).map(([name, {name: label}]) => element("button", {
        type: "button", dataset: {test: `diagram-${name}`}, onclick: () => { kind = name; show(); },
    }, label));
    const number = element("input", {type: "range", min: 1, max: count, value: chosen + 1, dataset: {test: "diagram-number"},
        oninput: () => { chosen = Number(number.value) - 1; show(); }});

    function box(row, index, isKey) {
        const isChosen = index === chosen;
        return element("g", {class: `number${isKey ? " key" : isChosen ? " chosen" : ""}`, onclick: () => { chosen = index; number.value = index + 1; show(); }},
            element("rect", {x: left + step * index, y: rows[row], width: size, height: size, rx: 6}),
            element("text", {x: left + step * index + size / 2, y: rows[row] + size / 2 + 5, "text-anchor": "middle"}, letter(row, index)));
    }

    function arrow(row, from, to, kindOfLine) {
        const [x1, x2, bottom] = [left + step * from + size / 2, left + step * to + size / 2, rows.image];
        // from a number of the same row it goes round above, else straight down
        const path = row === "noise" ? `M${x1} ${rows.noise + size} L${x2} ${bottom - 3}`
            : `M${x1} ${bottom} Q${(x1 + x2) / 2} ${bottom - 30 - 12 * (to - from)} ${x2} ${bottom - 3}`;
        return element("path", {class: `arrow ${kindOfLine}`, d: path});
    }

    function show() {
        const {row, places} = kinds[kind].keys(chosen);
        const isKey = (inRow, index) => inRow === row && places.includes(index);
        const all = Array.from({length: count}, (_, index) => index);
        said.textContent = sentence(kind, chosen);
        order.textContent = kinds[kind].order;
        number.setAttribute("aria-valuetext", letter("image", chosen));
        for (const [index, name] of Object.keys(kinds).entries()) choices[index].setAttribute("aria-pressed", String(name === kind));
        fill(place, element("svg", {class: "keys", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Six numbers of noise above six of an image. ${said.textContent}`},
            all.map((index) => arrow("noise", index, index, index === chosen ? "own" : "faint")),
            places.map((from) => arrow(row, from, chosen, "by")),
            all.map((index) => box("noise", index, isKey("noise", index))), all.map((index) => box("image", index, isKey("image", index)))));
    }

    show();
    return element("div", {class: "pair"}, place, element("div", {class: "stack"},
        element("p", {class: "buttons", role: "group", "aria-label": "What the key is"}, choices),
        element("label", {class: "field"}, element("span", {}, "Which number of the image"), number), said, order));
}
