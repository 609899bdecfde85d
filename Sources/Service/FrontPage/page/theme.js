// Dark or light: what was chosen here, else what the system prefers. Not a module, so that it is settled before
// anything is painted.

(() => {
    const key = "mediarig.theme";
    const page = document.documentElement;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const isDark = () => (page.dataset.theme ? page.dataset.theme === "dark" : dark.matches);

    function show() {
        const button = document.getElementById("theme");
        if (button) button.textContent = isDark() ? "Light theme" : "Dark theme";
    }

    try {
        const chosen = localStorage.getItem(key);
        if (chosen === "dark" || chosen === "light") page.dataset.theme = chosen;
    } catch {
        // A browser that keeps nothing: the system's choice it is.
    }
    dark.addEventListener("change", show);
    document.addEventListener("DOMContentLoaded", () => {
        show();
        document.getElementById("theme").addEventListener("click", () => {
            page.dataset.theme = isDark() ? "light" : "dark";
            try { localStorage.setItem(key, page.dataset.theme); } catch { /* For this visit, then. */ }
            show();
        });
    });
})();
