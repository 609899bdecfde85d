// Every file of page/, as bytes of this program: a BMC needs no files beside it, and nobody has to build the page.
#include "FrontPage.h"

// #embed is of C23; clang takes it in any C.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char awake_js[] = {
#embed "page/awake.js"
};
static const unsigned char changed_image_js[] = {
#embed "page/changed-image.js"
};
static const unsigned char connection_js[] = {
#embed "page/connection.js"
};
static const unsigned char event_list_js[] = {
#embed "page/event-list.js"
};
static const unsigned char format_js[] = {
#embed "page/format.js"
};
static const unsigned char handles_js[] = {
#embed "page/handles.js"
};
static const unsigned char icon_svg[] = {
#embed "page/icon.svg"
};
static const unsigned char index_html[] = {
#embed "page/index.html"
};
static const unsigned char live_js[] = {
#embed "page/live.js"
};
static const unsigned char local_image_js[] = {
#embed "page/local-image.js"
};
static const unsigned char login_js[] = {
#embed "page/login.js"
};
static const unsigned char main_js[] = {
#embed "page/main.js"
};
static const unsigned char nbd_server_js[] = {
#embed "page/nbd-server.js"
};
static const unsigned char overlay_files_js[] = {
#embed "page/overlay-files.js"
};
static const unsigned char overlay_js[] = {
#embed "page/overlay.js"
};
static const unsigned char rate_plot_js[] = {
#embed "page/rate-plot.js"
};
static const unsigned char read_ahead_js[] = {
#embed "page/read-ahead.js"
};
static const unsigned char reconnect_js[] = {
#embed "page/reconnect.js"
};
static const unsigned char redfish_js[] = {
#embed "page/redfish.js"
};
static const unsigned char serving_worker_js[] = {
#embed "page/serving-worker.js"
};
static const unsigned char slot_model_js[] = {
#embed "page/slot-model.js"
};
static const unsigned char slot_view_js[] = {
#embed "page/slot-view.js"
};
static const unsigned char style_css[] = {
#embed "page/style.css"
};
static const unsigned char theme_js[] = {
#embed "page/theme.js"
};
static const unsigned char url_dialog_js[] = {
#embed "page/url-dialog.js"
};

#define FILE_OF(name, symbol) {name, symbol, sizeof symbol}

static const struct FrontPageFile files[] = {
    FILE_OF("awake.js", awake_js),
    FILE_OF("changed-image.js", changed_image_js),
    FILE_OF("connection.js", connection_js),
    FILE_OF("event-list.js", event_list_js),
    FILE_OF("format.js", format_js),
    FILE_OF("handles.js", handles_js),
    FILE_OF("icon.svg", icon_svg),
    FILE_OF("index.html", index_html),
    FILE_OF("live.js", live_js),
    FILE_OF("local-image.js", local_image_js),
    FILE_OF("login.js", login_js),
    FILE_OF("main.js", main_js),
    FILE_OF("nbd-server.js", nbd_server_js),
    FILE_OF("overlay-files.js", overlay_files_js),
    FILE_OF("overlay.js", overlay_js),
    FILE_OF("rate-plot.js", rate_plot_js),
    FILE_OF("read-ahead.js", read_ahead_js),
    FILE_OF("reconnect.js", reconnect_js),
    FILE_OF("redfish.js", redfish_js),
    FILE_OF("serving-worker.js", serving_worker_js),
    FILE_OF("slot-model.js", slot_model_js),
    FILE_OF("slot-view.js", slot_view_js),
    FILE_OF("style.css", style_css),
    FILE_OF("theme.js", theme_js),
    FILE_OF("url-dialog.js", url_dialog_js),
};

unsigned long FrontPageFiles(const struct FrontPageFile **result) {
    *result = files;
    return sizeof files / sizeof *files;
}
