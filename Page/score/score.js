// The view "Score".
import {element} from "../elements.js";

export const title = "Score";

export function create(page) {
    return {node: element("h1", {}, title)};
}
