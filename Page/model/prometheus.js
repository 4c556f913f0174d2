// The Prometheus text format 0.0.4, as far as figures need it: samples with labels, and histograms.

/** Samples of a scrape, by the metric's name: lists of {labels, value}. Comments are left out; a line that is none throws. */
export function samplesOf(text) {
    const samples = new Map();
    for (const line of text.split("\n")) {
        if (!line || line.startsWith("#")) continue;
        const match = /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?\s+(\S+)(?:\s+-?\d+)?\s*$/.exec(line);
        if (!match) throw new Error(`the metrics have a line that is none: ${line.slice(0, 80)}`);
        const [, name, inner, number] = match;
        const labels = {};
        for (const [, label, value] of (inner ?? "").matchAll(/([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"/g)) {
            labels[label] = value.replace(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped));
        }
        const value = {"+Inf": Infinity, "-Inf": -Infinity, NaN: NaN}[number] ?? Number(number);
        if (!samples.has(name)) samples.set(name, []);
        samples.get(name).push({labels, value});
    }
    return samples;
}

/** Sum of all series of `name` whose labels are as `wanted` has them; 0 where there is none. */
export function sumOf(samples, name, wanted = {}) {
    return (samples.get(name) ?? []).filter(({labels}) => Object.entries(wanted).every(([key, value]) => labels[key] === value))
        .reduce((sum, {value}) => sum + value, 0);
}

/** Counts of a histogram by its upper bounds, [[bound, count up to it], …] in their order, over all of its series together. */
export function bucketsOf(samples, name, wanted = {}) {
    const counts = new Map();
    for (const {labels, value} of samples.get(`${name}_bucket`) ?? []) {
        if (!Object.entries(wanted).every(([key, text]) => labels[key] === text)) continue;
        const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
        counts.set(bound, (counts.get(bound) ?? 0) + value);
    }
    return [...counts].sort(([a], [b]) => a - b);
}

/** Upper bound of the bucket with the fraction `q` of what a histogram took between two scrapes; null where it took nothing. */
export function quantileBound(q, before, after) {
    const earlier = new Map(before);
    const counts = after.map(([bound, count]) => [bound, count - (earlier.get(bound) ?? 0)]);
    const total = counts.at(-1)?.[1] ?? 0;
    if (!(total > 0)) return null;
    return counts.find(([, count]) => count >= q * total)[0];
}
