// The API reference: openapi.json of the service that this page came from, shown by swagger-ui.
import {parts} from "./parts.js";

const reference = document.getElementById("reference");
const dark = matchMedia("(prefers-color-scheme: dark)");

/** swagger-ui has its dark colours under a class. */
function followColours() {
    document.documentElement.classList.toggle("dark-mode", dark.matches);
}

/** swagger-ui's bundle, which is a plain script and leaves a global name behind. */
function loadBundle() {
    return new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = new URL("swagger-ui-bundle.js", import.meta.url);
        script.onload = () => resolve(globalThis.SwaggerUIBundle);
        script.onerror = () => reject(new Error("a part of this page could not be loaded"));
        document.head.append(script);
    });
}

/** The contract, with requests going to where this page came from, whatever servers it names. */
async function loadContract() {
    const response = await fetch("openapi.json", {cache: "no-cache", credentials: "omit"});
    if (!response.ok) throw new Error(`openapi.json was answered with status ${response.status}`);
    return {...await response.json(), servers: [{url: new URL(".", document.baseURI).href.replace(/\/$/, "")}]};
}

/**
 * Tells those who hear the page what swagger-ui only shows: names of controls, after their
 * parameter or the heading above; the dialog; and to the keyboard the texts that scroll. */
function describe(root) {
    for (const control of root.querySelectorAll("select:not([aria-label]), textarea:not([aria-label]), input:not([aria-label])")) {
        const name = control.closest("tr")?.dataset.paramName
            ?? control.closest(".response-control-examples, .opblock-section, .auth-container")?.querySelector("small, h4")?.textContent;
        if (name) control.setAttribute("aria-label", name);
    }
    for (const text of root.querySelectorAll("pre.microlight:not([tabindex])")) text.tabIndex = 0;
    for (const heading of root.querySelectorAll(".dialog-ux h4:not([aria-level])")) heading.setAttribute("aria-level", "3");
    const dialog = root.querySelector(".dialog-ux .modal-ux:not([role])");
    if (!dialog) return;
    for (const [name, value] of Object.entries({role: "dialog", "aria-modal": "true", "aria-label": "Key"})) dialog.setAttribute(name, value);
    dialog.querySelector("h3").setAttribute("aria-level", "2");
    dialog.querySelector(".close-modal").setAttribute("aria-label", "Close");
    dialog.querySelector("input")?.focus();
}

async function start() {
    followColours();
    dark.addEventListener("change", followColours);
    const progress = document.getElementById("progress");
    try {
        const [bundle, spec] = await Promise.all([loadBundle(), loadContract()]);
        new MutationObserver(() => describe(reference)).observe(reference, {childList: true, subtree: true});
        bundle({
            domNode: reference, spec, plugins: [parts], layout: "Reference",
            deepLinking: true, docExpansion: "list", defaultModelsExpandDepth: 0, displayRequestDuration: true,
            persistAuthorization: false, queryConfigEnabled: false, validatorUrl: null, syntaxHighlight: {theme: "obsidian"},
            onComplete() { progress.hidden = true; },
        });
    } catch (error) {
        progress.textContent = `The reference cannot be shown: ${error.message}. Is the service running, and are you online?`;
    }
}

start();
