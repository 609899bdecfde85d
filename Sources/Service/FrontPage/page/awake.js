// Keeps this computer, and this tab, from going to sleep while an image is served: a host in the middle of an
// installation would wait in vain.

let wanted = 0;
let screenLock = null;
let release = () => {};

// Returns what ends it.
export function stayAwake() {
    wanted += 1;
    if (wanted === 1) hold();
    let isOver = false;
    return () => {
        if (isOver) return;
        isOver = true;
        wanted -= 1;
        if (wanted === 0) letGo();
    };
}

function hold() {
    // A tab that holds a lock is not frozen when it is not looked at.
    navigator.locks?.request("mediarig.serving", {mode: "shared"}, () => new Promise((resolve) => { release = resolve; }))
        .catch(() => {});
    lockScreen();
}

// A browser gives it up by itself when the page is not seen, and may refuse it when the battery is low.
async function lockScreen() {
    try { screenLock = await navigator.wakeLock?.request("screen") ?? null; } catch { screenLock = null; }
    if (wanted === 0) screenLock?.release();
}

function letGo() {
    release();
    screenLock?.release().catch(() => {});
    screenLock = null;
}

globalThis.document?.addEventListener("visibilitychange", () => {
    if (wanted > 0 && document.visibilityState === "visible") lockScreen();
});
