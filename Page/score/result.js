// An answer of /logprob for one picture, in words and plots.
import {element, fill, number, oneIn, probability} from "../elements.js";
import {linePlot} from "../plots.js";

const meanings = {
    typical: "It looks like the images that the model learned.",
    unusual: "It is rarer than most of what the model learned.",
    outlier: "It does not look like what the model learned.",
};

/** Classes that are shown at once; the others are a click away. */
const mostClasses = 4;

function bars(posterior) {
    const sorted = Object.entries(posterior).sort(([, a], [, b]) => b - a);
    const table = (rows, caption) => element("table", {class: "posterior"}, element("caption", {}, caption),
        element("tbody", {}, rows.map(([name, value]) => {
            const bar = element("div", {class: "bar", "aria-hidden": "true"});
            bar.style.width = `${100 * value}%`;
            return element("tr", {}, element("th", {scope: "row"}, name), element("td", {class: "wide"}, bar), element("td", {class: "number"}, value < 0.001 ? "< 0.1 %" : `${number(100 * value, 1)} %`));
        })));
    const rest = sorted.slice(mostClasses);
    return element("div", {dataset: {test: "posterior"}}, table(sorted.slice(0, mostClasses), "If it is one of these, it is"),
        rest.length > 0 && element("details", {}, element("summary", {}, `${number(rest.length)} other classes`), table(rest, "Less probable")));
}

function evidence(found) {
    const rows = Object.entries(found).sort(([, a], [, b]) => (a.p_value ?? 1) - (b.p_value ?? 1));
    return element("details", {}, element("summary", {}, `The evidence, ${number(rows.length)} kinds`),
        element("div", {class: "scroll", tabIndex: 0, role: "region", "aria-label": "Evidence"}, element("table", {},
            element("thead", {}, element("tr", {}, element("th", {scope: "col"}, "Kind"), element("th", {scope: "col", class: "number"}, "Value"), element("th", {scope: "col", class: "number"}, "p"))),
            element("tbody", {}, rows.map(([name, {value, p_value: p}]) => element("tr", {}, element("th", {scope: "row"}, name.replaceAll("_", " ")),
                element("td", {class: "number"}, number(value, Math.abs(value) < 100 ? 3 : 0)), element("td", {class: "number"}, probability(p))))))));
}

/** Where the log-density lies among those of held-out images; null where the file has none. */
function place(model, answer) {
    const quantiles = model.calibration?.log_prob_quantiles;
    if (!quantiles || answer.log_prob === null || answer.percentile === undefined) return null;
    const low = Math.min(quantiles[0], Math.max(answer.log_prob, quantiles[0] - (quantiles[100] - quantiles[0])));
    const isBelow = answer.log_prob < low;
    return element("div", {}, element("h3", {}, "Among images that it never saw"),
        linePlot({
            series: [{name: "held-out images", points: quantiles.map((value, percent) => [value, percent])}], x: {label: "log p, nats", digits: 0, low, high: Math.max(quantiles[100], answer.log_prob)},
            y: {label: "less probable, %", low: 0, high: 100, digits: 0}, mark: {x: Math.max(low, answer.log_prob), label: isBelow ? "far to the left" : "this picture"},
            summary: `${number(answer.percentile, 0)} % of held-out images are less probable than this picture`,
        }),
        element("p", {class: "quiet"}, `${number(answer.percentile, 0)} % of them are less probable. A picture may be odd though it is very probable, as an empty one is: so the verdict uses more evidence than this.`));
}

/** Panel of an answer: {node, summary, show(model, answer), say(text)}; `summary` is the verdict in a line, for where the panel is out of sight. */
export function resultPanel() {
    const summary = element("p", {class: "summary", "aria-hidden": "true"});
    const head = element("div", {"aria-live": "polite", dataset: {test: "verdict"}}, element("p", {class: "quiet"}, "Draw something, or choose a picture."));
    const body = element("div", {class: "stack"});
    return {
        summary,
        node: element("section", {class: "panel stack", "aria-label": "Verdict"}, head, body),
        say(text) {
            fill(summary);
            fill(head, element("p", {class: "quiet"}, text));
            fill(body);
        },
        show(model, answer) {
            const per = answer.verdict ? `${oneIn(answer.p_value)} images like the learned ones look at least as odd (p = ${probability(answer.p_value)}).` : null;
            fill(summary, answer.verdict && element("span", {class: `badge ${answer.verdict}`}, answer.verdict),
                ` ${answer.p_value === undefined ? "" : `p = ${probability(answer.p_value)}, `}log p = ${number(answer.log_prob, 0)} nats`);
            fill(head,
                element("h2", {}, answer.verdict ? element("span", {class: `badge ${answer.verdict}`}, answer.verdict) : "No verdict",
                    answer.class ? ` as ${answer.class}` : ""),
                element("p", {}, answer.verdict ? meanings[answer.verdict] : "This model file has nothing to decide by: only its density is told."),
                per && element("p", {}, per),
                element("p", {}, element("strong", {dataset: {test: "log-prob"}}, answer.log_prob === null ? "no finite density" : `log p = ${number(answer.log_prob, 1)} nats`),
                    answer.bits_per_dim === null ? "" : `, ${number(answer.bits_per_dim, 3)} bits per dimension`));
            const shown = answer.reasons?.slice(0, 4) ?? [];
            const hidden = answer.reasons?.slice(4) ?? [];
            fill(body,
                shown.length > 0 && element("div", {}, element("h3", {}, "Why: it"), element("ul", {class: "reasons", dataset: {test: "reasons"}}, shown.map((reason) => element("li", {}, reason))),
                    hidden.length > 0 && element("details", {}, element("summary", {}, `${number(hidden.length)} more`), element("ul", {class: "reasons"}, hidden.map((reason) => element("li", {}, reason))))),
                answer.class_posterior && bars(answer.class_posterior),
                answer.class_set?.length === 0 && element("p", {class: "quiet"}, "But it looks like none of them."),
                place(model, answer), answer.evidence && evidence(answer.evidence));
        },
    };
}
