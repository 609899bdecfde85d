// What has happened, the newest first.

import {clock} from "./format.js";

const maximumEvents = 100;

// Changes of a resource are seen in its card; as a list they would hide what matters.
const unremarkable = new Set(["ResourceChanged"]);

export class EventList {
    #list = document.getElementById("events");
    #none = document.getElementById("no-events");

    add(records) {
        for (const record of records) {
            if (unremarkable.has(record.key)) continue;
            const row = document.createElement("li");
            const time = document.createElement("time");
            time.dateTime = record.at.toISOString();
            time.textContent = clock(record.at);
            const text = document.createElement("span");
            text.textContent = record.text;
            row.dataset.tone = {Warning: "warn", Critical: "bad"}[record.severity] ?? "";
            row.append(time, text);
            this.#list.prepend(row);
        }
        while (this.#list.childElementCount > maximumEvents) this.#list.lastElementChild.remove();
        const isEmpty = this.#list.childElementCount === 0;
        this.#list.hidden = isEmpty;
        this.#none.hidden = !isEmpty;
    }

    clear() {
        this.#list.replaceChildren();
        this.add([]);
    }
}
