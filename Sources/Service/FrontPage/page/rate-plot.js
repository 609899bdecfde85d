// The rate of the last minute as a small picture: the newest sample at the right edge.

import {rate} from "./format.js";
import {RateLimits} from "./slot-model.js";

const width = 240;
const height = 56;

export function drawRate(history, {plot, area, line}) {
    const step = width / (RateLimits.samples - 1);
    const most = Math.max(history.most, 1);
    const start = width - (history.samples.length - 1) * step;
    const points = history.samples.map((sample, index) => {
        const x = start + index * step;
        const y = height - 2 - (sample / most) * (height - 6);
        return `${x.toFixed(1)} ${y.toFixed(1)}`;
    });
    const path = points.length > 1 ? `M${points.join("L")}` : "";
    line.setAttribute("d", path);
    area.setAttribute("d", path === "" ? "" : `${path}L${width} ${height}L${start.toFixed(1)} ${height}Z`);
    plot.setAttribute(
        "aria-label", `Rate of the last minute: ${rate(history.now)} now, ${rate(history.most)} at most`);
}
