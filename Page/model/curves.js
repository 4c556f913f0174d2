// How the model was trained, how well it is calibrated, and what it tells apart.
import {element, number} from "../elements.js";
import {legend, linePlot} from "../plots.js";

function panel(id, heading, test, ...children) {
    return element("section", {class: "panel", "aria-labelledby": id, dataset: {test}}, element("h2", {id}, heading), children);
}

/** Bits/dim of training and validation over the epochs. */
export function trainingCurve(model) {
    const curve = model.training?.curve;
    if (!curve?.length) return panel("training-title", "Training", "training-curve", element("p", {}, "This model file holds no training curve."));
    const series = [
        {name: "validation", points: curve.map((point) => [point.epochs, point.validation_bits_per_dim])},
        {name: "training", points: curve.map((point) => [point.epochs, point.train_bits_per_dim])},
    ];
    const [first, last] = [curve[0], curve.at(-1)];
    return panel("training-title", "Training", "training-curve",
        linePlot({series, x: {label: "epochs", digits: 0}, y: {label: "bits per dimension"},
            summary: `Validation falls from ${number(first.validation_bits_per_dim, 2)} to ${number(last.validation_bits_per_dim, 2)} bits per dimension over ${number(last.epochs)} epochs`}),
        legend(series),
        element("p", {class: "quiet"}, "Fewer bits are better: so many would it take, for each number, to store an image like these."));
}

/** How often images like the learned ones are called outliers, beside how often that was asked for; else where held-out images lie. */
export function calibrationPlot(model) {
    const flagged = model.evaluation?.flagged ?? [];
    if (flagged.length > 1) {
        const points = flagged.map((point) => [100 * point.alarm, 100 * point.fraction]);
        const series = [{name: "called outliers", points}, {name: "as asked for", points: [[0, 0], [50, 50]]}];
        const at = flagged.find((point) => point.alarm >= 0.05) ?? flagged[0];
        return panel("calibration-title", "Calibration", "calibration",
            linePlot({series, dots: points, x: {label: "false alarms asked for, %", low: 0, high: 50, digits: 0}, y: {label: "false alarms on test images, %", low: 0, digits: 0},
                summary: `Of ${number(model.evaluation.count)} test images ${number(100 * at.fraction, 1)} % are called outliers where ${number(100 * at.alarm, 1)} % were asked for`}),
            legend(series),
            element("p", {class: "quiet"}, `On the line the promise is kept: of ${number(model.evaluation.count)} images that the model never saw, as many are called outliers as were asked for.`));
    }
    const quantiles = model.calibration?.log_prob_quantiles;
    if (!quantiles) return panel("calibration-title", "Calibration", "calibration", element("p", {}, "This model file holds no calibration: its log-densities have no scale of their own."));
    return panel("calibration-title", "Where held-out images lie", "calibration",
        linePlot({series: [{name: "held-out images", points: quantiles.map((value, percent) => [value, percent])}],
            x: {label: "log p, nats", digits: 0}, y: {label: "less probable, %", low: 0, high: 100, digits: 0},
            summary: `Half of ${number(model.calibration.count)} held-out images have a log-density below ${number(quantiles[50])} nats`}),
        element("p", {class: "quiet"}, "This file holds no evaluation on test images (tusk evaluate --output adds one)."));
}

/** Which sets of outliers are told from images like the learned ones, and how well. */
export function detectionTable(model) {
    const sets = model.evaluation?.outliers ?? [];
    if (!sets.length) return panel("auroc-title", "What it tells apart", "auroc", element("p", {}, "This model file holds no evaluation of outliers (tusk evaluate --outliers made --output adds one)."));
    const caught = model.decision ? `Caught at ${number(100 * model.decision.alarm, 1)} % false alarms` : "Caught";
    const sorted = [...sets].sort((a, b) => b.auroc - a.auroc);
    return panel("auroc-title", "What it tells apart", "auroc",
        element("div", {class: "scroll", tabIndex: 0, role: "region", "aria-label": "Table of outliers"}, element("table", {},
            element("thead", {}, element("tr", {}, element("th", {scope: "col"}, "Outliers"), element("th", {scope: "col", class: "number"}, "Images"),
                element("th", {scope: "col", class: "number"}, "AUROC"), element("th", {scope: "col", class: "number"}, caught))),
            element("tbody", {}, sorted.map((set) => element("tr", {}, element("th", {scope: "row"}, set.name.replaceAll("_", " ")),
                element("td", {class: "number"}, number(set.count)), element("td", {class: "number"}, number(set.auroc, 3)),
                element("td", {class: "number"}, set.caught === null ? "–" : `${number(100 * set.caught, 1)} %`)))))),
        element("p", {class: "quiet"}, "AUROC: how often an outlier looks odder than an image like the learned ones; 0.5 is guessing, 1 is always."));
}
