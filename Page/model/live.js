// Figures of the running service as small plots: its own metrics, asked for every two seconds while they are looked at.
import {element, fill, number} from "../elements.js";
import {Latest} from "../service.js";
import {linePlot} from "../plots.js";
import {bucketsOf, quantileBound, samplesOf, sumOf} from "./prometheus.js";

const interval = 2000;
/** Points that are kept: five minutes. */
const most = 150;

function time(seconds) {
    if (seconds === null || seconds === undefined) return "–";
    if (seconds === Infinity) return "over a minute";
    return seconds < 1 ? `≤ ${number(1000 * seconds, seconds < 0.001 ? 2 : seconds < 0.01 ? 1 : 0)} ms` : `≤ ${number(seconds, 1)} s`;
}

/** What stands between two scrapes, `seconds` apart. */
function figures(before, after, seconds) {
    const rate = (name) => {
        const difference = sumOf(after, name) - sumOf(before, name);
        // a service that was started anew counts from 0
        return difference >= 0 ? difference / seconds : null;
    };
    const batches = sumOf(after, "tusk_batch_rows_count") - sumOf(before, "tusk_batch_rows_count");
    const rows = sumOf(after, "tusk_batch_rows_sum") - sumOf(before, "tusk_batch_rows_sum");
    const bounds = [before, after].map((scrape) => bucketsOf(scrape, "tusk_http_request_seconds"));
    return {
        requests: rate("tusk_http_requests_total"), batch: batches > 0 ? rows / batches : null, queue: sumOf(after, "tusk_queued_rows"),
        median: quantileBound(0.5, ...bounds), tail: quantileBound(0.99, ...bounds),
    };
}

/** The plots: {node, enter, leave, modelChanged}. */
export function live(page) {
    let points = [];
    let last = null;
    let timer = 0;
    const asked = new Latest();
    let isShown = false;
    let isPaused = false;
    /** Whether a key is needed that the page has not; then nothing is asked until somebody comes back. */
    let isRefused = false;

    const status = element("p", {class: "quiet", role: "status"});
    const pause = element("button", {type: "button", "aria-pressed": "false", dataset: {test: "live-pause"}, onclick: () => {
        isPaused = !isPaused;
        isRefused = false;
        asked.stop();
        pause.setAttribute("aria-pressed", String(isPaused));
        pause.textContent = isPaused ? "Go on" : "Pause";
        plan(0);
    }}, "Pause");
    const give = element("button", {type: "button", dataset: {test: "live-key"}, onclick: () => {
        page.service.forgetRefusal("metrics");
        isRefused = false;
        ask(true);
    }}, "Give a key");
    const plots = {
        requests: {title: "Requests a second", said: (point) => number(point.requests, 1), lines: [["requests/s", (point) => point.requests]], y: {low: 0}},
        rows: {title: "Rows of a batch", said: (point) => number(point.batch, 1), lines: [["rows", (point) => point.batch]], y: {low: 0}},
        queue: {title: "Rows that wait", said: (point) => number(point.queue), lines: [["rows", (point) => point.queue]], y: {low: 0, digits: 0}},
        latency: {title: "Latency, half and 99 %", said: (point) => `${time(point.median)}, ${time(point.tail)}`, y: {low: 0},
            lines: [["half, ms", (point) => point.median && 1000 * point.median], ["99 %, ms", (point) => point.tail && 1000 * point.tail]]},
        drift: {title: "Drift", said: (point) => (point.drift ? `${point.drift.drifted ? "drifted" : "none seen"}, wealth ${number(point.drift.wealth, 2)} of ${number(point.drift.alarm_level)}` : "–"),
            lines: [["log wealth", (point) => point.drift?.log_wealth]], y: {}},
    };
    for (const [name, plot] of Object.entries(plots)) {
        plot.value = element("p", {class: "figure"}, "–");
        plot.place = element("div", {});
        plot.node = element("div", {dataset: {test: `live-${name}`}}, element("h3", {}, plot.title), plot.value, plot.place);
    }
    const node = element("section", {class: "panel stack", "aria-labelledby": "live-title", dataset: {test: "live"}},
        element("div", {class: "between-ends"}, element("h2", {id: "live-title"}, "Now"), pause),
        status, element("div", {class: "live"}, Object.values(plots).map((plot) => plot.node)),
        element("p", {class: "quiet"}, "Every two seconds; what this page asks for is counted too. Latency is told by buckets: at most so much. ",
            "The wealth of the test of drift rises while images look odder than the learned ones; at the alarm's level the stream has drifted."));

    function plan(wait) {
        clearTimeout(timer);
        if (isShown && !isPaused && !isRefused && !document.hidden) timer = setTimeout(() => ask(), wait);
    }

    async function ask(asksForKey = false) {
        const signal = asked.begin();
        try {
            const response = await page.service.request("metrics", {accept: "text/plain", signal, asksForKey});
            const scrape = {samples: samplesOf(await response.text()), at: performance.now()};
            const drift = await driftOf(signal);
            if (signal.aborted) return;
            if (last) {
                const seconds = (scrape.at - last.at) / 1000;
                points.push({...figures(last.samples, scrape.samples, seconds), drift, at: Date.now()});
                points = points.slice(-most);
                draw();
            }
            last = scrape;
            status.textContent = points.length ? "" : "The first figures come in two seconds.";
        } catch (error) {
            if (error.name === "AbortError") return;
            isRefused = error.route !== null && error.route !== undefined;
            if (isRefused) fill(status, "The figures need a key with the scope “metrics”. ", give);
            else status.textContent = `There are no figures: ${error.message}`;
            last = null;
            if (!error.kind) throw error;
        } finally {
            if (!signal.aborted) plan(interval);
        }
    }

    /** State of the test of drift; null for a model without verdicts, of which the service would refuse to tell. */
    async function driftOf(signal) {
        if (!page.model.decision) return null;
        try {
            return await page.service.json("drift", {query: {model: page.model.name}, signal, asksForKey: false});
        } catch (error) {
            // The other figures stand without it.
            if (error.name === "AbortError" || error.kind === "offline" || !error.kind) throw error;
            return null;
        }
    }

    function draw() {
        const now = points.at(-1);
        for (const plot of Object.values(plots)) {
            const said = plot.said(now);
            plot.value.textContent = said;
            const series = plot.lines.map(([name, value]) => ({
                name, points: points.map((point) => [(point.at - now.at) / 1000, value(point)]).filter((point) => point[1] !== null && Number.isFinite(point[1])),
            }));
            const isEmpty = series.every((one) => one.points.length === 0);
            fill(plot.place, isEmpty ? element("p", {class: "quiet"}, "Nothing yet.") : linePlot({
                series, x: {low: Math.min(-60, (points[0].at - now.at) / 1000), high: 0, digits: 0, label: "seconds"}, y: plot.y, summary: `${plot.title}: ${said}`,
            }));
        }
    }

    document.addEventListener("visibilitychange", () => { last = null; isRefused = false; plan(0); });

    return {
        node,
        enter() { isShown = true; isRefused = false; last = null; plan(0); },
        leave() { isShown = false; clearTimeout(timer); asked.stop(); },
        modelChanged() {
            asked.stop();
            isRefused = false;
            points = [];
            for (const plot of Object.values(plots)) {
                plot.value.textContent = "–";
                fill(plot.place);
            }
            plan(0);
        },
    };
}
