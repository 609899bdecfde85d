// Numbers as people read them.

const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

// 1536 -> "1.5 KiB"
export function bytes(count) {
    if (!Number.isFinite(count)) return "–";
    let unit = 0;
    let value = count;
    while (value >= 1024 && unit < units.length - 1) {
        value /= 1024;
        unit += 1;
    }
    const digits = unit === 0 || value >= 100 ? 0 : 1;
    return `${value.toFixed(digits)} ${count === 1 ? "byte" : units[unit]}`;
}

// 2500000 -> "2.5 MB/s"
export function rate(bytesPerSecond) {
    if (bytesPerSecond >= 1e6) return `${(bytesPerSecond / 1e6).toFixed(bytesPerSecond >= 1e8 ? 0 : 1)} MB/s`;
    if (bytesPerSecond >= 1e3) return `${(bytesPerSecond / 1e3).toFixed(0)} kB/s`;
    return `${Math.round(bytesPerSecond)} B/s`;
}

export function clock(date) {
    return date.toLocaleTimeString([], {hour: "2-digit", minute: "2-digit", second: "2-digit"});
}

export function sentence(text) {
    if (!text) return "";
    const first = text[0].toUpperCase() + text.slice(1);
    return /[.!?…]$/.test(first) ? first : `${first}.`;
}
