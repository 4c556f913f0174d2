// The view "Model": what it is, how good it is, and what the service is doing now.
import {element, fill, number} from "../elements.js";
import {card} from "./card.js";
import {calibrationPlot, detectionTable, trainingCurve} from "./curves.js";
import {live} from "./live.js";

export const title = "Model";

const styles = element("link", {rel: "stylesheet", href: "page/model/model.css"});

export function create(page) {
    document.head.append(styles);
    const heading = element("h1", {});
    const about = element("div", {class: "columns"});
    const others = element("div", {});
    const figures = live(page);
    const node = element("div", {class: "stack"}, heading, about, figures.node, others);

    function show() {
        heading.textContent = `The model ${page.model.name}`;
        fill(about, card(page.model), element("div", {class: "stack"}, trainingCurve(page.model), calibrationPlot(page.model)), detectionTable(page.model));
    }

    async function list() {
        const {models, default: standard} = await page.service.json("models");
        fill(others, models.length > 1 && element("section", {class: "panel", "aria-labelledby": "models-title"},
            element("h2", {id: "models-title"}, "All models here"),
            element("div", {class: "scroll", tabIndex: 0, role: "region", "aria-label": "Table of models"}, element("table", {},
                element("thead", {}, element("tr", {}, ["Name", "Architecture", "Images", "Validation, bits/dim"].map((text) => element("th", {scope: "col"}, text)))),
                element("tbody", {}, models.map((model) => element("tr", {},
                    element("th", {scope: "row"}, model.name, model.name === standard && element("small", {}, " (default)")),
                    element("td", {}, model.architecture), element("td", {}, `${model.shape.width} × ${model.shape.height} × ${model.shape.channels}`),
                    element("td", {}, number(model.held_out?.bits_per_dim, 3)))))))));
    }

    show();
    return {
        node,
        enter() { figures.enter(); page.attempt(list, "models"); },
        leave() { figures.leave(); },
        modelChanged() { show(); figures.modelChanged(); },
    };
}
