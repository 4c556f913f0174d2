// Written by scripts/embed-page.py: every file of Page/ that the service answers.
#include "embedded.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char page_docs_docs_css[] = {
#embed "../../Page/docs/docs.css"
};

static const unsigned char page_docs_docs_html[] = {
#embed "../../Page/docs/docs.html"
};

static const unsigned char page_docs_docs_js[] = {
#embed "../../Page/docs/docs.js"
};

static const unsigned char page_docs_parts_js[] = {
#embed "../../Page/docs/parts.js"
};

static const unsigned char page_docs_swagger_ui_bundle_js[] = {
#embed "../../Page/docs/swagger-ui-bundle.js"
};

static const unsigned char page_docs_swagger_ui_css[] = {
#embed "../../Page/docs/swagger-ui.css"
};

static const unsigned char page_elements_js[] = {
#embed "../../Page/elements.js"
};

static const unsigned char page_icon_svg[] = {
#embed "../../Page/icon.svg"
};

static const unsigned char page_index_html[] = {
#embed "../../Page/index.html"
};

static const unsigned char page_learn_asking_js[] = {
#embed "../../Page/learn/asking.js"
};

static const unsigned char page_learn_bell_js[] = {
#embed "../../Page/learn/bell.js"
};

static const unsigned char page_learn_density_js[] = {
#embed "../../Page/learn/density.js"
};

static const unsigned char page_learn_diagram_js[] = {
#embed "../../Page/learn/diagram.js"
};

static const unsigned char page_learn_keys_js[] = {
#embed "../../Page/learn/keys.js"
};

static const unsigned char page_learn_learn_css[] = {
#embed "../../Page/learn/learn.css"
};

static const unsigned char page_learn_learn_js[] = {
#embed "../../Page/learn/learn.js"
};

static const unsigned char page_learn_sampling_js[] = {
#embed "../../Page/learn/sampling.js"
};

static const unsigned char page_learn_universe_js[] = {
#embed "../../Page/learn/universe.js"
};

static const unsigned char page_main_js[] = {
#embed "../../Page/main.js"
};

static const unsigned char page_model_card_js[] = {
#embed "../../Page/model/card.js"
};

static const unsigned char page_model_curves_js[] = {
#embed "../../Page/model/curves.js"
};

static const unsigned char page_model_live_js[] = {
#embed "../../Page/model/live.js"
};

static const unsigned char page_model_model_css[] = {
#embed "../../Page/model/model.css"
};

static const unsigned char page_model_model_js[] = {
#embed "../../Page/model/model.js"
};

static const unsigned char page_model_prometheus_js[] = {
#embed "../../Page/model/prometheus.js"
};

static const unsigned char page_notices_js[] = {
#embed "../../Page/notices.js"
};

static const unsigned char page_picture_js[] = {
#embed "../../Page/picture.js"
};

static const unsigned char page_plots_js[] = {
#embed "../../Page/plots.js"
};

static const unsigned char page_sample_complete_js[] = {
#embed "../../Page/sample/complete.js"
};

static const unsigned char page_sample_gallery_js[] = {
#embed "../../Page/sample/gallery.js"
};

static const unsigned char page_sample_interpolate_js[] = {
#embed "../../Page/sample/interpolate.js"
};

static const unsigned char page_sample_mask_js[] = {
#embed "../../Page/sample/mask.js"
};

static const unsigned char page_sample_neighbours_js[] = {
#embed "../../Page/sample/neighbours.js"
};

static const unsigned char page_sample_one_js[] = {
#embed "../../Page/sample/one.js"
};

static const unsigned char page_sample_random_js[] = {
#embed "../../Page/sample/random.js"
};

static const unsigned char page_sample_sample_css[] = {
#embed "../../Page/sample/sample.css"
};

static const unsigned char page_sample_sample_js[] = {
#embed "../../Page/sample/sample.js"
};

static const unsigned char page_score_board_js[] = {
#embed "../../Page/score/board.js"
};

static const unsigned char page_score_examples_js[] = {
#embed "../../Page/score/examples.js"
};

static const unsigned char page_score_inputs_js[] = {
#embed "../../Page/score/inputs.js"
};

static const unsigned char page_score_overlay_js[] = {
#embed "../../Page/score/overlay.js"
};

static const unsigned char page_score_result_js[] = {
#embed "../../Page/score/result.js"
};

static const unsigned char page_score_score_css[] = {
#embed "../../Page/score/score.css"
};

static const unsigned char page_score_score_js[] = {
#embed "../../Page/score/score.js"
};

static const unsigned char page_score_wall_js[] = {
#embed "../../Page/score/wall.js"
};

static const unsigned char page_service_js[] = {
#embed "../../Page/service.js"
};

static const unsigned char page_style_css[] = {
#embed "../../Page/style.css"
};

const struct tusk_page_file tusk_embedded_page[] = {
    {"docs/docs.css", page_docs_docs_css, sizeof page_docs_docs_css},
    {"docs/docs.html", page_docs_docs_html, sizeof page_docs_docs_html},
    {"docs/docs.js", page_docs_docs_js, sizeof page_docs_docs_js},
    {"docs/parts.js", page_docs_parts_js, sizeof page_docs_parts_js},
    {"docs/swagger-ui-bundle.js", page_docs_swagger_ui_bundle_js, sizeof page_docs_swagger_ui_bundle_js},
    {"docs/swagger-ui.css", page_docs_swagger_ui_css, sizeof page_docs_swagger_ui_css},
    {"elements.js", page_elements_js, sizeof page_elements_js},
    {"icon.svg", page_icon_svg, sizeof page_icon_svg},
    {"index.html", page_index_html, sizeof page_index_html},
    {"learn/asking.js", page_learn_asking_js, sizeof page_learn_asking_js},
    {"learn/bell.js", page_learn_bell_js, sizeof page_learn_bell_js},
    {"learn/density.js", page_learn_density_js, sizeof page_learn_density_js},
    {"learn/diagram.js", page_learn_diagram_js, sizeof page_learn_diagram_js},
    {"learn/keys.js", page_learn_keys_js, sizeof page_learn_keys_js},
    {"learn/learn.css", page_learn_learn_css, sizeof page_learn_learn_css},
    {"learn/learn.js", page_learn_learn_js, sizeof page_learn_learn_js},
    {"learn/sampling.js", page_learn_sampling_js, sizeof page_learn_sampling_js},
    {"learn/universe.js", page_learn_universe_js, sizeof page_learn_universe_js},
    {"main.js", page_main_js, sizeof page_main_js},
    {"model/card.js", page_model_card_js, sizeof page_model_card_js},
    {"model/curves.js", page_model_curves_js, sizeof page_model_curves_js},
    {"model/live.js", page_model_live_js, sizeof page_model_live_js},
    {"model/model.css", page_model_model_css, sizeof page_model_model_css},
    {"model/model.js", page_model_model_js, sizeof page_model_model_js},
    {"model/prometheus.js", page_model_prometheus_js, sizeof page_model_prometheus_js},
    {"notices.js", page_notices_js, sizeof page_notices_js},
    {"picture.js", page_picture_js, sizeof page_picture_js},
    {"plots.js", page_plots_js, sizeof page_plots_js},
    {"sample/complete.js", page_sample_complete_js, sizeof page_sample_complete_js},
    {"sample/gallery.js", page_sample_gallery_js, sizeof page_sample_gallery_js},
    {"sample/interpolate.js", page_sample_interpolate_js, sizeof page_sample_interpolate_js},
    {"sample/mask.js", page_sample_mask_js, sizeof page_sample_mask_js},
    {"sample/neighbours.js", page_sample_neighbours_js, sizeof page_sample_neighbours_js},
    {"sample/one.js", page_sample_one_js, sizeof page_sample_one_js},
    {"sample/random.js", page_sample_random_js, sizeof page_sample_random_js},
    {"sample/sample.css", page_sample_sample_css, sizeof page_sample_sample_css},
    {"sample/sample.js", page_sample_sample_js, sizeof page_sample_sample_js},
    {"score/board.js", page_score_board_js, sizeof page_score_board_js},
    {"score/examples.js", page_score_examples_js, sizeof page_score_examples_js},
    {"score/inputs.js", page_score_inputs_js, sizeof page_score_inputs_js},
    {"score/overlay.js", page_score_overlay_js, sizeof page_score_overlay_js},
    {"score/result.js", page_score_result_js, sizeof page_score_result_js},
    {"score/score.css", page_score_score_css, sizeof page_score_score_css},
    {"score/score.js", page_score_score_js, sizeof page_score_score_js},
    {"score/wall.js", page_score_wall_js, sizeof page_score_wall_js},
    {"service.js", page_service_js, sizeof page_service_js},
    {"style.css", page_style_css, sizeof page_style_css},
};
const size_t tusk_embedded_page_count = sizeof tusk_embedded_page / sizeof *tusk_embedded_page;
