// Written by scripts/embed-page.py: every file of Page/ that the service answers.
#include "embedded.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char page_elements_js[] = {
#embed "../../Page/elements.js"
};

static const unsigned char page_icon_svg[] = {
#embed "../../Page/icon.svg"
};

static const unsigned char page_index_html[] = {
#embed "../../Page/index.html"
};

static const unsigned char page_learn_learn_js[] = {
#embed "../../Page/learn/learn.js"
};

static const unsigned char page_main_js[] = {
#embed "../../Page/main.js"
};

static const unsigned char page_model_model_js[] = {
#embed "../../Page/model/model.js"
};

static const unsigned char page_picture_js[] = {
#embed "../../Page/picture.js"
};

static const unsigned char page_plots_js[] = {
#embed "../../Page/plots.js"
};

static const unsigned char page_sample_sample_js[] = {
#embed "../../Page/sample/sample.js"
};

static const unsigned char page_score_score_js[] = {
#embed "../../Page/score/score.js"
};

static const unsigned char page_service_js[] = {
#embed "../../Page/service.js"
};

static const unsigned char page_style_css[] = {
#embed "../../Page/style.css"
};

const struct tusk_page_file tusk_embedded_page[] = {
    {"elements.js", page_elements_js, sizeof page_elements_js},
    {"icon.svg", page_icon_svg, sizeof page_icon_svg},
    {"index.html", page_index_html, sizeof page_index_html},
    {"learn/learn.js", page_learn_learn_js, sizeof page_learn_learn_js},
    {"main.js", page_main_js, sizeof page_main_js},
    {"model/model.js", page_model_model_js, sizeof page_model_model_js},
    {"picture.js", page_picture_js, sizeof page_picture_js},
    {"plots.js", page_plots_js, sizeof page_plots_js},
    {"sample/sample.js", page_sample_sample_js, sizeof page_sample_sample_js},
    {"score/score.js", page_score_score_js, sizeof page_score_score_js},
    {"service.js", page_service_js, sizeof page_service_js},
    {"style.css", page_style_css, sizeof page_style_css},
};
const size_t tusk_embedded_page_count = sizeof tusk_embedded_page / sizeof *tusk_embedded_page;
