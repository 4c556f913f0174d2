// Parts of swagger-ui as this page wants them: its order, and no link within a button.

/** A plugin of swagger-ui; `React` is the bundle's. */
export function parts({React}) {
    const make = React.createElement;

    /** What all requests have in common, folded; the key; the requests; the schemas. */
    function Reference({getComponent, specSelectors}) {
        const part = (name) => make(getComponent(name, true));
        const Markdown = getComponent("Markdown", true);
        return make("div", {className: "swagger-ui"},
            part("SvgAssets"),
            part("errors"),
            make("div", {className: "common"},
                make("details", {},
                    make("summary", {}, "What all requests have in common"),
                    make(Markdown, {source: specSelectors.info().get("description")})),
                part("AuthorizeBtnContainer")),
            make("h2", {}, "Requests"),
            part("operations"),
            part("Models"));
    }

    return {
        components: {Reference},
        wrapComponents: {DeepLink: () => ({text}) => make("span", {}, text)},
    };
}
