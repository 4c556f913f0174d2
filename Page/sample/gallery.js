// Tiles of samples, each shown when its line arrives.
import {element, fill, number} from "../elements.js";
import {ServiceError} from "../service.js";
import {levelsOfAnswer, pictureOf, shapeOf} from "../picture.js";

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
    const node = element("section", {class: "stack", "aria-label": "Gallery"},
        element("div", {class: "between-ends"}, status, element("label", {class: "field inline"}, element("span", {}, "Sorted "), sorting)),
        list);
    let tiles = [];
    let running = null;

    async function draw(asked) {
        running?.abort();
        const own = running = new AbortController();
        clear();
        onRunning(true);
        const wanted = Number(asked.count);
        const started = performance.now();
        status.textContent = `Drawing ${number(wanted)} …`;
        try {
            const shape = shapeOf(page.model);
            const lines = page.service.lines("sample", {query: {...asked, model: page.model.name}, signal: own.signal});
            for await (const line of lines) {
                if (!line.image) throw new ServiceError(line.error ?? "The service drew no image.", {kind: "stream"});
                await add(line, shape, own);
                own.signal.throwIfAborted();
                status.textContent = `${number(tiles.length)} of ${number(wanted)} drawn`;
            }
            if (tiles.length < wanted) throw new ServiceError("The service's answer broke off.", {kind: "offline"});
            const seconds = (performance.now() - started) / 1000;
            status.textContent = `${number(tiles.length)} images in ${number(seconds, 1)} s, seed ${asked.seed}`;
            page.clearReport();
            return true;
        } catch (error) {
            if (running !== own) return false;
            status.textContent = tiles.length
                ? `${own.signal.aborted ? "Stopped: " : ""}${number(tiles.length)} of ${number(wanted)} came; ${number(wanted - tiles.length)} are missing`
                : own.signal.aborted ? "Stopped" : "None came";
            page.report(error, () => draw(asked));
            return false;
        } finally {
            if (running === own) {
                running = null;
                onRunning(false);
                sort();
            }
        }
    }

    async function add(line, shape, own) {
        const levels = await levelsOfAnswer(line.image, shape);
        if (own.signal.aborted) return;
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

    function sort() {
        const order = {index: (a, b) => a.index - b.index, likely: (a, b) => b.logProb - a.logProb, unlikely: (a, b) => a.logProb - b.logProb};
        const items = [...tiles].sort(order[sorting.value]).map((tile) => tile.item);
        // A node that is moved loses the focus, so none is moved for nothing.
        if (items.some((item, place) => list.children[place] !== item)) list.append(...items);
    }

    function clear() {
        tiles = [];
        fill(list);
        status.textContent = "";
    }

    return {
        node, draw, clear,
        stop() { running?.abort(); },
        pick(chosen) { for (const tile of tiles) tile.button.setAttribute("aria-pressed", String(tile === chosen)); },
    };
}
