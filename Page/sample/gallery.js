// Tiles of samples, each shown when its line arrives.
import {element, fill, number, save} from "../elements.js";
import {Latest, ServiceError} from "../service.js";
import {levelsOfAnswer, pictureOf, shapeOf, sheetOf} from "../picture.js";

/**
 * The gallery: `draw(asked)` asks for `{count, seed, temperature, class}` and says whether all came, `stop()` gives up what is under way, `pick(tile)`
 * marks the tile that is shown in full, `clear()` empties it. `onChosen(tile)` has {levels, label, class, logProb, bitsPerDim, seed, index, button}.
 */
export function gallery(page, {onRunning, onChosen}) {
    const list = element("ul", {class: "tiles", "aria-label": "Samples"});
    const status = element("p", {class: "quiet", role: "status", dataset: {test: "sample-status"}});
    const sorting = element("select", {onchange: sort},
        element("option", {value: "index"}, "as drawn"), element("option", {value: "likely"}, "most probable first"),
        element("option", {value: "unlikely"}, "least probable first"));
    const saving = element("button", {type: "button", disabled: true, dataset: {test: "sample-save"}, onclick: download}, "Save all as PNG");
    const node = element("section", {class: "stack", "aria-label": "Gallery"},
        element("div", {class: "between-ends"}, status, element("div", {class: "controls"},
            element("label", {class: "field inline"}, element("span", {}, "Sorted "), sorting), saving)),
        list);
    let tiles = [];
    const running = new Latest();
    /** What is shown was asked for by these, and of a model called so. */
    let shown = null;

    async function draw(asked) {
        const signal = running.begin();
        clear();
        page.clearReport("gallery");
        shown = {...asked, model: page.model.name, shape: shapeOf(page.model)};
        onRunning(true);
        const wanted = Number(asked.count);
        const started = performance.now();
        status.textContent = `Drawing ${number(wanted)} …`;
        try {
            const {shape, ...query} = shown;
            const lines = page.service.lines("sample", {query, signal});
            for await (const line of lines) {
                if (!line.image) throw new ServiceError(line.error ?? "The service drew no image.", {kind: "stream"});
                await add(line, shape, signal);
                signal.throwIfAborted();
                status.textContent = `${number(tiles.length)} of ${number(wanted)} drawn`;
            }
            if (tiles.length < wanted) throw new ServiceError("The service's answer broke off.", {kind: "offline"});
            const seconds = (performance.now() - started) / 1000;
            status.textContent = `${number(tiles.length)} images in ${number(seconds, 1)} s, seed ${asked.seed}`;
            page.clearReport("gallery");
            return true;
        } catch (error) {
            if (!running.isLast(signal)) return false;
            status.textContent = tiles.length
                ? `${signal.aborted ? "Stopped: " : ""}${number(tiles.length)} of ${number(wanted)} came; ${number(wanted - tiles.length)} are missing`
                : signal.aborted ? "Stopped" : "None came";
            page.report(error, () => draw(asked), "gallery");
            return false;
        } finally {
            if (running.isLast(signal)) {
                onRunning(false);
                saving.disabled = tiles.length === 0;
                sort();
            }
        }
    }

    async function add(line, shape, signal) {
        const levels = await levelsOfAnswer(line.image, shape);
        if (signal.aborted) return;
        const kind = line.class ? `${line.class}, ` : "";
        const label = `sample ${line.index + 1}${line.class ? `, ${line.class}` : ""}`;
        const tile = {levels, label, class: line.class, logProb: line.log_prob, bitsPerDim: line.bits_per_dim, seed: line.seed, index: line.index};
        tile.button = element("button", {
            type: "button", class: "tile", "aria-pressed": "false", dataset: {test: "tile"},
            title: `${kind}${number(line.bits_per_dim, 2)} bits/dim`, "aria-label": `${label}, ${number(line.bits_per_dim, 2)} bits per dimension`,
            onclick: () => onChosen(tile),
        }, pictureOf(levels, shape), element("span", {class: "tile-value", "aria-hidden": "true"}, number(line.bits_per_dim, 2)));
        tile.item = element("li", {}, tile.button);
        tiles.push(tile);
        list.append(tile.item);
    }

    function inOrder() {
        const order = {index: (a, b) => a.index - b.index, likely: (a, b) => b.logProb - a.logProb, unlikely: (a, b) => a.logProb - b.logProb};
        return [...tiles].sort(order[sorting.value]);
    }

    function sort() {
        const items = inOrder().map((tile) => tile.item);
        // A node that is moved loses the focus, so none is moved for nothing.
        if (items.some((item, place) => list.children[place] !== item)) list.append(...items);
    }

    async function download() {
        save(await sheetOf(inOrder().map((tile) => tile.levels), shown.shape), `${shown.model}-${shown.seed}.png`);
    }

    function clear() {
        tiles = [];
        saving.disabled = true;
        fill(list);
        status.textContent = "";
    }

    return {
        node, draw, clear,
        stop() { running.stop(); },
        pick(chosen) { for (const tile of tiles) tile.button.setAttribute("aria-pressed", String(tile === chosen)); },
    };
}
