// What the end of a WebSocket means, and when it is tried again: decisions only.

export const ReconnectLimits = Object.freeze({
    // The BMC keeps the medium for so long.
    graceMilliseconds: 30_000,
    firstPauseMilliseconds: 100,
    longestPauseMilliseconds: 2000,
});

const again = (text) => ({isAgain: true, text});
const good = (title, text) => ({isAgain: false, isGood: true, title, text});
const bad = (title, text, remedy = "") => ({isAgain: false, isGood: false, title, text, remedy});

// What a close code (docs/front.md, RFC 6455) says to whoever serves the image.
export function meaning(code, reason = "") {
    const why = reason ? ` The BMC says: ${reason}.` : "";
    switch (code) {
    case 1000: return good("Ejected", "The medium was taken from the host.");
    case 1001: return again("The BMC's web server is ending.");
    case 1006: return again("The connection was lost.");
    case 1012: return again("The BMC asked to connect again.");
    case 1002: case 1003: case 1009: case 3002: case 3003:
        return bad("Not understood", `The BMC and this page do not understand each other (${code}).${why}`,
            "Reload the page; if that does not help, report it.");
    case 1011:
        return bad("Something failed in the BMC", `The image is not served any more.${why}`, "Insert it again.");
    case 4001:
        return bad("The slot is in use", "Somebody else serves an image to this slot.",
            "Use another slot, or eject the medium first.");
    case 4003:
        return bad("The login has ended", "The medium was taken from the host, because the login that served it ended or may do less than before.",
            "Log in and insert the image again.");
    case 4004: return bad("Could not be inserted", `The host did not get the medium.${why}`);
    case 4005: return bad("The medium was given up", `The BMC had to take the medium from the host.${why}`);
    default: return again(`The connection ended (${code}).${why}`);
    }
}

// One image that is served: phases are "connecting", "serving", "waiting" (for the next attempt) and "ended".
export class Reconnecting {
    phase = "connecting";
    attempt = 0;
    // Of the last loss.
    why = "";
    // When the next attempt is due, and until when there is any use.
    next = null;
    deadline = null;
    ending = null;

    // isResumed: the medium is with the host already, and waits.
    constructor({isResumed = false, now}) {
        if (isResumed) this.deadline = now + ReconnectLimits.graceMilliseconds;
    }

    opened() {
        this.phase = "serving";
        this.attempt = 0;
        this.deadline = null;
    }

    closed({code, reason, wasOpen}, now) {
        if (this.phase === "ended") return;
        const found = meaning(code, reason);
        if (!found.isAgain) return this.#end(found);
        const isFirst = this.deadline === null && !wasOpen;
        // One that was never open was refused, and trying again changes nothing; after a loss the BMC may be back soon.
        if (isFirst) {
            return this.#end(bad("Not connected", "The BMC did not accept the connection.",
                "Look at the slot: it may be in use, or your login may have ended."));
        }
        if (wasOpen) {
            this.deadline = now + ReconnectLimits.graceMilliseconds;
            this.attempt = 0;
        }
        this.why = found.text;
        this.attempt += 1;
        const pause = Math.min(
            ReconnectLimits.firstPauseMilliseconds * 2 ** Math.min(this.attempt - 1, 10),
            ReconnectLimits.longestPauseMilliseconds);
        this.next = code === 1012 ? now : now + pause;
        if (this.next > this.deadline) return this.#giveUp();
        this.phase = "waiting";
    }

    // Returns whether an attempt is to be made now.
    due(now) {
        if (this.phase !== "waiting" || now < this.next) return false;
        this.phase = "connecting";
        return true;
    }

    // The login is gone, or the slot: no attempt can succeed.
    hopeless(title, text, remedy) { if (this.phase !== "ended") this.#end(bad(title, text, remedy)); }

    #giveUp() {
        this.#end(bad("Connection lost", `${this.why} The BMC could not be reached again within ${
            ReconnectLimits.graceMilliseconds / 1000} seconds, so it has taken the medium from the host.`,
        "Insert the image again."));
    }

    #end(ending) {
        this.phase = "ended";
        this.ending = ending;
        this.next = null;
        this.deadline = null;
    }
}
