// Many pictures at once, the most unusual first.
import {element, fill, number, probability, save} from "../elements.js";
import {bitmapOf, pictureOf} from "../picture.js";
import {Latest} from "../service.js";

/** Pictures that are read and scored in one request, at most. */
const mostTogether = 32;

function csv(rows) {
    // a name that a spreadsheet would take for a formula is a text
    const plain = (value) => (typeof value === "string" && /^[=+@\t\r-]/.test(value) ? `'${value}` : value);
    const cell = (given, value = plain(given)) => (/[",\n]/.test(String(value)) ? `"${String(value).replaceAll("\"", "\"\"")}"` : String(value));
    return rows.map((row) => row.map((value) => cell(value ?? "")).join(",")).join("\n") + "\n";
}

/**
 * The wall: {node, score(files, {shape, prepare, query}), close}.
 *
 * `onChosen({levels, label})` is told which one was clicked, `onClosed` that the wall is gone. Pictures are sent in blocks as stacked levels, and where that
 * breaks off or is cancelled it can go on. What is no picture, and what the service refuses, is listed by name with the reason.
 */
export function wall(page, {onChosen, onClosed}) {
    const status = element("p", {role: "status", dataset: {test: "wall-status"}});
    const progress = element("progress", {max: 1, value: 0, "aria-label": "Pictures scored"});
    const stop = element("button", {type: "button", dataset: {test: "wall-stop"}, onclick: () => running.stop()}, "Cancel");
    const resume = element("button", {type: "button", dataset: {test: "wall-resume"}, onclick: goOn}, "Go on");
    const saving = element("button", {type: "button", onclick: download}, "Save as CSV");
    const list = element("ul", {class: "tiles", "aria-label": "Pictures, the most unusual first", dataset: {test: "wall"}});
    const refused = element("div", {dataset: {test: "wall-refused"}});
    const node = element("section", {class: "panel stack", "aria-label": "Many pictures", hidden: true},
        element("div", {class: "between-ends"}, status, element("p", {class: "buttons"}, progress, stop, resume, saving,
            element("button", {type: "button", dataset: {test: "wall-close"}, onclick: () => { close(); onClosed(); }}, "Close"))), list, refused);
    const running = new Latest();
    /** What is to be scored, {files, shape, prepare, query}, and the first file that is not done. */
    let work = null;
    let next = 0;
    let scored = [];
    let bad = [];

    async function score(files, how) {
        work = {files, ...how};
        next = 0;
        [scored, bad] = [[], []];
        node.hidden = false;
        node.scrollIntoView({block: "nearest"});
        await goOn();
    }

    async function goOn() {
        const signal = running.begin();
        const {files} = work;
        const together = Math.max(1, Math.min(mostTogether, page.model.limits.images));
        progress.hidden = stop.hidden = false;
        resume.hidden = true;
        page.clearReport("wall");
        show();
        try {
            while (next < files.length) {
                const block = await judge(files.slice(next, next + together), signal);
                scored.push(...block.scored);
                bad.push(...block.bad);
                scored.sort((a, b) => (a.answer.p_value ?? 1) - (b.answer.p_value ?? 1) || a.answer.log_prob - b.answer.log_prob);
                next += together;
                show();
            }
        } catch (error) {
            if (!running.isLast(signal) || !work) return;
            resume.hidden = false;
            page.report(error, goOn, "wall");
            show(`${error.name === "AbortError" ? "Cancelled" : "It broke off"}: ${number(files.length - scored.length - bad.length)} are not scored.`);
        } finally {
            if (running.isLast(signal)) progress.hidden = stop.hidden = true;
        }
    }

    /** Scores of `files`, one block: {scored, bad}. */
    async function judge(files, signal) {
        const [read, judged] = [[], {scored: [], bad: []}];
        for (const file of files) {
            try {
                const bitmap = await bitmapOf(file);
                read.push({name: file.name, levels: work.prepare(bitmap)});
                bitmap.close();
            } catch {
                judged.bad.push({name: file.name, reason: "this browser cannot read it as a picture"});
            }
            signal.throwIfAborted();
        }
        if (!read.length) return judged;
        const size = read[0].levels.length;
        const body = new Uint8Array(read.length * size);
        for (const [index, {levels}] of read.entries()) body.set(levels, index * size);
        const {query} = work;
        const answer = await patiently(() => page.service.json("logprob", {query, body, type: "application/octet-stream", signal}), signal);
        for (const [index, one] of (answer.results ?? [answer]).entries()) {
            if (one.error) judged.bad.push({name: read[index].name, reason: one.error});
            else judged.scored.push({...read[index], answer: one, tile: tile(read[index], one)});
        }
        return judged;
    }

    /** Result of `ask`, asked again as often as the service says that it is busy, and when to come back. */
    async function patiently(ask, signal) {
        for (;;) {
            try {
                return await ask();
            } catch (error) {
                if (![429, 503].includes(error.status) || error.retryAfter === null) throw error;
                status.textContent = `The service is busy; going on in ${error.retryAfter} s.`;
                await new Promise((resolve) => {
                    setTimeout(resolve, 1000 * error.retryAfter);
                    signal.addEventListener("abort", resolve, {once: true});
                });
                signal.throwIfAborted();
            }
        }
    }

    function tile({name, levels}, answer) {
        const said = answer.verdict ? `${answer.verdict}, p = ${probability(answer.p_value)}` : `${number(answer.bits_per_dim, 2)} bits/dim`;
        return element("li", {}, element("button", {
            type: "button", class: "tile", dataset: {test: "wall-tile"}, "aria-label": `${name}: ${said}`, title: `${name}: ${said}`,
            onclick: () => onChosen({levels, label: name}),
        }, pictureOf(levels, work.shape), element("small", {class: "name"}, name),
        answer.verdict && element("small", {class: `badge ${answer.verdict}`}, answer.verdict)));
    }

    function show(more = "") {
        const count = work.files.length;
        const outliers = scored.filter(({answer}) => answer.verdict === "outlier").length;
        progress.max = count;
        progress.value = scored.length + bad.length;
        status.textContent = `${number(scored.length)} of ${number(count)} scored`
            + (page.model.decision ? `, ${number(outliers)} of them outliers` : "") + (bad.length ? `; ${number(bad.length)} not read` : "") + `. ${more}`;
        fill(list, scored.map((one) => one.tile));
        fill(refused, bad.length > 0 && element("details", {open: true}, element("summary", {}, `${number(bad.length)} not scored`),
            element("ul", {}, bad.map(({name, reason}) => element("li", {}, element("strong", {}, name), `: ${reason}`)))));
    }

    function close() {
        running.stop();
        work = null;
        [scored, bad] = [[], []];
        node.hidden = true;
        page.clearReport("wall");
    }

    function download() {
        const rows = [["name", "verdict", "p_value", "log_prob", "bits_per_dim", "error"],
            ...scored.map(({name, answer}) => [name, answer.verdict, answer.p_value, answer.log_prob, answer.bits_per_dim, ""]),
            ...bad.map(({name, reason}) => [name, "", "", "", "", reason])];
        save(new Blob([csv(rows)], {type: "text/csv"}), `${page.model.name}-scores.csv`);
    }

    return {node, score, close};
}
