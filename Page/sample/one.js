// One picture in full: how probable it is, what lies near it, what lies between it and another, and what it could have been.
import {element, fill, number, oneIn, probability, save} from "../elements.js";
import {pictureOf, shapeOf} from "../picture.js";
import {completion} from "./complete.js";
import {interpolation} from "./interpolate.js";
import {neighbours} from "./neighbours.js";

const parts = [
    {name: "Near it", make: (page, tile) => neighbours(page, tile), test: "open-neighbours"},
    {name: "From it to another", make: (page, tile) => interpolation(page, tile), test: "open-interpolation"},
    {name: "Complete a part of it", make: (page, tile) => completion(page, tile), test: "open-completion"},
];

/** Panel of `tile`: {node, heading, leave, takesOther}; `takesOther(tile)` says whether it took a second picture. */
export function onePicture(page, tile, {onClose}) {
    const shape = shapeOf(page.model);
    const leaving = new AbortController();
    const heading = element("h2", {tabIndex: -1}, tile.label[0].toUpperCase() + tile.label.slice(1));
    const verdict = element("div", {"aria-live": "polite", dataset: {test: "one-verdict"}});
    const canvas = pictureOf(tile.levels, shape, tile.label);
    const place = element("div", {});
    let open = null;

    const buttons = parts.map((part) => element("button", {
        type: "button", "aria-expanded": "false", dataset: {test: part.test}, onclick: (event) => toggle(part, event.currentTarget),
    }, part.name));
    const node = element("section", {class: "panel stack", dataset: {test: "one-panel"}},
        element("div", {class: "one-head"},
            element("div", {class: "one-picture"}, canvas),
            element("div", {class: "stack"}, heading, verdict,
                element("p", {class: "buttons"},
                    element("button", {type: "button", onclick: score}, "Score it"),
                    element("button", {type: "button", onclick: download}, "Save as PNG"),
                    element("button", {type: "button", onclick: onClose}, "Close")))),
        element("p", {class: "buttons", role: "group", "aria-label": "What to do with it"}, buttons),
        place);

    function toggle(part, button) {
        const isOpen = open?.part === part;
        open?.view.leave();
        open = null;
        for (const other of buttons) other.setAttribute("aria-expanded", "false");
        if (isOpen) return fill(place);
        open = {part, view: part.make(page, tile)};
        button.setAttribute("aria-expanded", "true");
        fill(place, open.view.node);
    }

    function score() {
        page.handed = {levels: tile.levels, label: tile.label};
        page.go("score", {use: "handed"});
    }

    function download() {
        canvas.toBlob((blob) => save(blob, `${page.model.name}-${tile.seed}-${tile.index}.png`));
    }

    async function judge() {
        const answer = await page.service.json("logprob", {
            query: {model: page.model.name, drift: "false"}, body: tile.levels, type: "application/octet-stream", signal: leaving.signal,
        });
        const odd = answer.p_value === undefined ? [] : [
            element("p", {}, `${oneIn(answer.p_value)} images like the learned ones look at least as odd (p = ${probability(answer.p_value)}).`),
        ];
        fill(verdict,
            element("p", {}, answer.verdict && element("span", {class: `badge ${answer.verdict}`}, answer.verdict), " ",
                `${number(answer.bits_per_dim, 2)} bits per dimension, log p = ${number(answer.log_prob, 0)} nats`),
            odd, (answer.reasons ?? []).map((reason) => element("p", {class: "quiet"}, reason)));
    }

    function tellVerdict() {
        fill(verdict, "Scoring …");
        judge().catch((error) => {
            if (error.name === "AbortError") return;
            fill(verdict, "It could not be scored.");
            page.report(error, tellVerdict, "verdict");
        });
    }

    tellVerdict();

    return {
        node, heading,
        leave() { leaving.abort(); open?.view.leave(); page.clearReport("verdict"); },
        takesOther: (other) => other !== tile && (open?.view.setOther?.(other) ?? false),
    };
}
