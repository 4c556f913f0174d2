// The view "Sample": images drawn from the density, as they arrive, and what one can do with one of them.
import {element, field, fill} from "../elements.js";
import {completion} from "./complete.js";
import {gallery} from "./gallery.js";
import {onePicture} from "./one.js";

export const title = "Sample";

const styles = element("link", {rel: "stylesheet", href: "page/sample/sample.css"});

/** A seed of 32 bits, which a person can still read out. */
export function randomSeed() {
    return crypto.getRandomValues(new Uint32Array(1))[0];
}

export function create(page) {
    document.head.append(styles);
    const count = element("input", {type: "number", min: 1, max: 256, value: 48, required: true, dataset: {test: "sample-count"}});
    const seed = element("input", {type: "text", inputMode: "numeric", pattern: "[0-9]{1,19}", value: String(randomSeed()), required: true,
        size: 12, dataset: {test: "sample-seed"}});
    const temperature = element("input", {type: "range", min: 0.1, max: 1.5, step: 0.05, value: 1, oninput: sayTemperature});
    const said = element("output", {});
    const classes = element("select", {});
    const classField = field("Class", classes);
    const go = element("button", {class: "primary", dataset: {test: "sample-go"}}, "Draw");
    const stop = element("button", {type: "button", disabled: true, dataset: {test: "sample-stop"}, onclick: () => pictures.stop()}, "Stop");
    const panel = element("div", {class: "stack"});
    let picture = null;

    const pictures = gallery(page, {
        onRunning: (running) => { stop.disabled = !running; },
        onChosen: choose,
    });
    const form = element("form", {class: "controls", dataset: {test: "sample-form"}, onsubmit: submit},
        field("How many", count), field("Seed", seed), classField,
        element("label", {class: "field"}, element("span", {}, "Temperature ", said), temperature),
        element("p", {class: "buttons"}, go,
            element("button", {type: "button", onclick: anotherSeed}, "Another seed"), stop));
    const half = element("a", {dataset: {test: "draw-half"}}, "draw a half yourself");
    const node = element("div", {class: "stack"},
        element("h1", {}, "New images, drawn from what the model learned"),
        element("p", {}, "None of these was ever photographed or drawn by a hand. The same seed gives the same images, so the address of this page "
            + "can be handed on. A temperature below 1 keeps near to what is most typical, one above 1 goes further out. Or ",
            half, ": the model completes it."),
        element("div", {class: "panel"}, form),
        element("div", {class: "sample-columns"}, pictures.node, panel));

    function sayTemperature() {
        const value = Number(temperature.value);
        said.textContent = `${value.toFixed(2)}${value === 1 ? ", as learned" : value < 1 ? ", more typical" : ", more varied"}`;
    }

    /** What the form asks for, as the address has it. */
    function asked() {
        const warm = Number(temperature.value) !== 1 && {temperature: temperature.value};
        return {seed: seed.value, count: count.value, ...warm, ...(classes.value && {class: classes.value})};
    }

    function submit(event) {
        event.preventDefault();
        page.go("sample", asked());
        draw();
    }

    function anotherSeed() {
        seed.value = String(randomSeed());
        form.requestSubmit();
    }

    let drawn = null;

    /** Draws what the form asks for, unless it is what is shown. */
    function draw() {
        const key = JSON.stringify([page.model.name, asked()]);
        if (key === drawn) return;
        drawn = key;
        close();
        pictures.draw(asked()).then((isWhole) => { if (!isWhole && drawn === key) drawn = null; });
    }

    function close() {
        picture?.leave();
        picture = null;
        fill(panel);
        pictures.pick(null);
    }

    /** A tile was chosen: the end of an interpolation where one is asked for, else the picture of the panel. */
    function choose(tile) {
        if (picture?.takesOther?.(tile)) return;
        close();
        picture = onePicture(page, tile, {onClose: () => { close(); tile.button?.focus(); }});
        fill(panel, picture.node);
        pictures.pick(tile);
        picture.heading.focus();
    }

    function complete(handed) {
        close();
        const heading = element("h2", {tabIndex: -1}, "Complete ", handed.label ?? "a picture");
        const part = completion(page, handed);
        picture = {leave: part.leave};
        fill(panel, element("section", {class: "panel stack"}, heading, part.node));
        heading.focus();
    }

    function modelChanged() {
        close();
        pictures.clear();
        drawn = null;
        const named = page.model.class_prior ? page.model.classes : [];
        half.href = page.address("score", {use: "empty"});
        classField.hidden = named.length === 0;
        fill(classes, element("option", {value: ""}, "any, as often as learned"),
            named.map((name) => element("option", {value: name}, name)));
    }

    modelChanged();
    sayTemperature();
    let isShown = false;

    return {
        node,
        modelChanged() {
            modelChanged();
            if (isShown) draw();
        },
        enter({use, seed: wanted, count: many, temperature: warm, class: name}) {
            isShown = true;
            if (/^[0-9]{1,19}$/.test(wanted ?? "")) seed.value = wanted;
            if (Number(many) >= 1 && Number(many) <= 256) count.value = String(Math.floor(many));
            temperature.value = Number(warm) > 0 ? warm : "1";
            classes.value = [...classes.options].some((option) => option.value === name) ? name : "";
            sayTemperature();
            if (seed.value !== wanted) page.replaceAddress("sample", asked());
            draw();
            if (use === "complete" && page.handed) {
                const handed = page.handed;
                page.handed = null;
                complete(handed);
            }
        },
        leave() {
            isShown = false;
            pictures.stop();
            close();
        },
    };
}
