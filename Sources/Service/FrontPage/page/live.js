// Keeps what the page shows true: server-sent events say that something changed, and it is read again; bytes, which
// are no events, are read every second while somebody looks and a medium is there. Without the stream it is asked for.

export const LiveLimits = Object.freeze({
    // Between two looks at media that are in use.
    busyMilliseconds: 1000,
    // Between two looks while there is no stream of events.
    pollMilliseconds: 5000,
    // Before the stream is tried again: doubles from the first to the longest.
    firstPauseMilliseconds: 1000,
    longestPauseMilliseconds: 30_000,
    // Events that come together are one reason to look.
    gatherMilliseconds: 50,
});

export class Live {
    #path;
    #refresh;
    #told;
    #stream = null;
    #streamTimer = null;
    #refreshTimer = null;
    #pause = LiveLimits.firstPauseMilliseconds;
    #isRunning = false;
    #isRefreshing = false;
    #isWanted = false;
    // Whether the last look failed or the stream is not there.
    isConnected = false;
    isBusy = false;

    // refresh() reads everything again and throws if that fails; told({events, connected}) hears of news.
    constructor(path, refresh, told) {
        this.#path = path;
        this.#refresh = refresh;
        this.#told = told;
        document.addEventListener("visibilitychange", () => {
            if (this.#isRunning && document.visibilityState === "visible") this.look();
        });
    }

    start() {
        this.#isRunning = true;
        this.#open();
        this.look();
    }

    stop() {
        this.#isRunning = false;
        this.#stream?.close();
        this.#stream = null;
        clearTimeout(this.#streamTimer);
        clearTimeout(this.#refreshTimer);
    }

    // Reads everything again soon.
    look() { this.#schedule(LiveLimits.gatherMilliseconds); }

    #open() {
        const stream = new EventSource(this.#path);
        this.#stream = stream;
        stream.onopen = () => {
            this.#pause = LiveLimits.firstPauseMilliseconds;
            // What happened while nobody listened is not told.
            this.look();
        };
        stream.onmessage = (message) => {
            this.#told({events: recordsOf(message.data)});
            this.look();
        };
        stream.onerror = () => {
            // The browser tries again by itself, and at a pace of its own; here it slows down.
            stream.close();
            if (this.#stream !== stream || !this.#isRunning) return;
            this.#stream = null;
            this.#streamTimer = setTimeout(() => this.#open(), this.#pause);
            this.#pause = Math.min(this.#pause * 2, LiveLimits.longestPauseMilliseconds);
            this.look();
        };
    }

    #schedule(milliseconds) {
        if (!this.#isRunning) return;
        if (this.#isRefreshing) {
            this.#isWanted = true;
            return;
        }
        clearTimeout(this.#refreshTimer);
        this.#refreshTimer = setTimeout(() => this.#refreshNow(), milliseconds);
    }

    async #refreshNow() {
        this.#isRefreshing = true;
        this.#isWanted = false;
        let hasAnswer = true;
        try { await this.#refresh(); } catch { hasAnswer = false; }
        this.#isRefreshing = false;
        if (!this.#isRunning) return;
        const isStreaming = this.#stream?.readyState === EventSource.OPEN;
        this.#told({connected: hasAnswer, isStreaming});
        if (this.#isWanted) return this.look();
        const isLookedAt = document.visibilityState === "visible";
        if (this.isBusy && isLookedAt && hasAnswer) return this.#schedule(LiveLimits.busyMilliseconds);
        if (!isStreaming || !hasAnswer) this.#schedule(LiveLimits.pollMilliseconds);
    }
}

function recordsOf(text) {
    let event;
    try { event = JSON.parse(text); } catch { return []; }
    return (event.Events ?? []).map((record) => ({
        at: new Date(record.EventTimestamp), text: record.Message ?? "", key: (record.MessageId ?? "").split(".").pop(),
        severity: record.MessageSeverity ?? "OK",
        origin: (record.OriginOfCondition?.["@odata.id"] ?? "").split("/").pop(),
    }));
}
