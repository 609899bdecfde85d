// The card of one slot. It is made once and then changed in place, so that focus and what is being typed stay.

import {bytes, rate, sentence} from "./format.js";
import {drawRate} from "./rate-plot.js";
import {hostWords, isFree, kindWords, RateHistory, stateWords, waits} from "./slot-model.js";

export class SlotView {
    element;
    history = new RateHistory();
    #parts = {};
    #wishes;
    #slot = null;
    // The failure that was dismissed.
    #dismissed = "";

    // wishes: what a person asks for: insert, eject, serve(slot, file, handle, isWritable), resume, forget,
    // cancel, save, download, discard, dismiss; each is given the slot.
    constructor(wishes) {
        this.#wishes = wishes;
        const template = document.getElementById("slot-template");
        this.element = template.content.firstElementChild.cloneNode(true);
        for (const part of this.element.querySelectorAll("[data-part]")) this.#parts[part.dataset.part] = part;
        this.#listen();
    }

    #listen() {
        const parts = this.#parts;
        const click = (part, wish) => parts[part].addEventListener("click", () => wish(this.#slot));
        click("insert", this.#wishes.insert);
        click("eject", this.#wishes.eject);
        click("resume-go", this.#wishes.resume);
        click("resume-forget", this.#wishes.forget);
        click("task-cancel", this.#wishes.cancel);
        click("changes-save", this.#wishes.save);
        click("changes-download", this.#wishes.download);
        click("changes-discard", this.#wishes.discard);
        parts["failure-close"].addEventListener("click", () => {
            this.#dismissed = this.#shownFailure;
            parts.failure.hidden = true;
            this.#wishes.dismiss(this.#slot);
            this.element.querySelector("button:not([hidden])")?.focus();
        });
        parts.choose.addEventListener("click", async () => {
            const chosen = await this.pick();
            if (chosen) this.#serve(chosen);
        });
        parts.writable.addEventListener("change", () => this.#noteWriting());
        this.#listenForDrops();
    }

    #shownFailure = "";

    #serve({file, handle}) { this.#wishes.serve(this.#slot, file, handle, this.#parts.writable.checked); }

    // Lets a person choose a file: {file, handle}, where handle is null in browsers that have none; null if
    // nothing was chosen.
    async pick() {
        if (globalThis.showOpenFilePicker) {
            try {
                const [handle] = await showOpenFilePicker();
                return {file: await handle.getFile(), handle};
            } catch (error) {
                if (error.name === "AbortError") return null;
                // A browser that does not allow it here: the field below does without.
            }
        }
        const field = this.#parts.file;
        return await new Promise((resolve) => {
            field.value = "";
            field.onchange = () => resolve(field.files[0] ? {file: field.files[0], handle: null} : null);
            field.oncancel = () => resolve(null);
            field.click();
        });
    }

    #listenForDrops() {
        const drop = this.#parts.drop;
        const over = (isOver) => (event) => {
            if (![...event.dataTransfer.types].includes("Files")) return;
            event.preventDefault();
            drop.toggleAttribute("data-over", isOver);
        };
        drop.addEventListener("dragenter", over(true));
        drop.addEventListener("dragover", over(true));
        drop.addEventListener("dragleave", over(false));
        drop.addEventListener("drop", async (event) => {
            over(false)(event);
            const item = [...event.dataTransfer.items].find((one) => one.kind === "file");
            if (!item) return;
            const file = item.getAsFile();
            const handle = await item.getAsFileSystemHandle?.().catch(() => null) ?? null;
            if (file && handle?.kind !== "directory") this.#serve({file, handle});
        });
    }

    #noteWriting() {
        const note = this.#parts["writable-note"];
        note.hidden = !this.#parts.writable.checked;
        note.textContent = "The file stays as it is. What the host writes is kept by this browser; once the medium is "
            + "ejected it can be written into the file, or downloaded as a changed image.";
    }

    // local: a LocalImage or null; task: {text, monitor} or null; failure: {text, remedy} or null, of a request;
    // record: of a serving that was interrupted, or null.
    show(slot, {local, task, failure, record, canChange}) {
        this.#slot = slot;
        const parts = this.#parts;
        const {words, tone} = stateWords(slot);
        parts.name.textContent = slot.name;
        parts.mode.textContent = slot.isProxy ? "Takes an image from this computer" : "Takes an image from a server";
        parts.state.textContent = words;
        parts.state.dataset.tone = tone;
        const isServed = local?.isServed ?? false;
        const isHere = isServed || local?.result || record;
        this.#showMedium(slot, local ?? record);
        this.#showServing(local);
        this.#showFailure(slot, local, failure, Boolean(record));
        this.#showTask(task);
        this.#showResume(slot, local, record);
        this.#showChanges(local);
        parts.drop.hidden = !(slot.isProxy && isFree(slot) && canChange && !isHere);
        parts.insert.hidden = !(!slot.isProxy && slot.insert && isFree(slot) && canChange && !task);
        parts.eject.hidden = !canChange || isFree(slot) || Boolean(task);
        parts.eject.disabled = slot.state === "Deactivating" || (local?.isEjecting ?? false);
        // Which slot a button belongs to is seen; those who hear it have to be told.
        for (const part of ["choose", "insert", "eject"]) {
            const button = parts[part];
            button.setAttribute("aria-label", `${button.textContent}: ${slot.name}`);
        }
        parts.writable.setAttribute("aria-label", `The host may write: ${slot.name}`);
        parts["failure-close"].setAttribute("aria-label", `Dismiss: ${slot.name}`);
    }

    #showMedium(slot, own) {
        const parts = this.#parts;
        parts.medium.hidden = isFree(slot);
        if (isFree(slot)) return this.history.clear();
        this.history.add(slot.readBytes + slot.writtenBytes, performance.now());
        parts.image.textContent = slot.imageName || slot.image || own?.file?.name || own?.name || "An image that somebody serves";
        parts.image.title = slot.image;
        parts.size.textContent = slot.byteCount ? bytes(slot.byteCount) : "–";
        parts.kind.textContent = kindWords(slot);
        parts.host.textContent = hostWords(slot);
        parts["holder-row"].hidden = slot.holder === "";
        parts.holder.textContent = slot.holderAddress ? `${slot.holder}, ${slot.holderAddress}` : slot.holder;
        parts.read.textContent = bytes(slot.readBytes);
        parts.written.textContent = bytes(slot.writtenBytes);
        parts.rate.textContent = rate(this.history.now);
        parts.most.textContent = `at most ${rate(this.history.most)} in the last minute`;
        drawRate(this.history, {plot: parts.plot, area: parts["plot-area"], line: parts["plot-line"]});
    }

    #showServing(local) {
        const parts = this.#parts;
        const connection = local?.isServed ? local.connection : null;
        parts.serving.hidden = !connection;
        if (!connection) return;
        parts.serving.classList.toggle("warn", connection.phase === "waiting");
        const left = connection.deadline ? Math.max(0, Math.ceil((connection.deadline - Date.now()) / 1000)) : 0;
        const isAgain = connection.deadline !== null;
        parts["serving-text"].textContent =
            local.isEjecting ? "Ejecting: what the host wrote is being stored."
                : connection.phase === "serving" ? `This page serves ${local.file.name}. Keep it open.`
                    : isAgain ? `${connection.why || "The page was loaded again."} Connecting again; the host waits for ${left} s more.`
                        : `Connecting to serve ${local.file.name}.`;
        const {requests, changedBytes} = local.statistics;
        const details = [`${requests.toLocaleString()} requests`];
        if (local.isWritable) details.push(`${bytes(changedBytes)} changed${local.isKept ? "" : ", kept in memory: not to be reloaded"}`);
        if (local.troubles > 0) details.push(`${local.troubles} failed: ${local.lastTrouble}`);
        parts["serving-details"].textContent = details.join(" · ");
    }

    #showFailure(slot, local, failure, isInterrupted) {
        const parts = this.#parts;
        const ending = local?.connection?.ending;
        let shown = failure;
        if (!shown && local?.refusal) shown = {text: `The file is not served: ${local.refusal}`, remedy: ""};
        if (!shown && ending && !ending.isGood) shown = {text: `${ending.title}. ${ending.text}`, remedy: ending.remedy};
        // While the medium is there, what was said of the loss of its source is said better beside it.
        const isOurs = !isFree(slot) && (isInterrupted || local?.isServed);
        if (!shown && slot.ending && slot.state !== "Activating" && !isOurs) {
            shown = slot.isFailure && slot.failure
                ? {text: slot.failure, remedy: `${slot.failureRemedy} (${slot.ending})`}
                : {text: sentence(slot.ending), remedy: "", isGood: !slot.isFailure};
        }
        parts.failure.classList.toggle("bad", !shown?.isGood);
        this.#shownFailure = shown ? `${shown.text} ${shown.remedy}` : "";
        if (this.#shownFailure === "") this.#dismissed = "";
        parts.failure.hidden = this.#shownFailure === "" || this.#shownFailure === this.#dismissed;
        if (parts.failure.hidden) return;
        parts["failure-text"].textContent = shown.text;
        parts["failure-remedy"].textContent = shown.remedy ?? "";
        parts["failure-remedy"].hidden = !shown.remedy;
    }

    #showTask(task) {
        this.#parts.task.hidden = !task;
        if (!task) return;
        this.#parts["task-text"].textContent = task.text;
        this.#parts["task-progress"].setAttribute("aria-label", task.text);
        this.#parts["task-cancel"].hidden = !task.isCancellable;
    }

    #showResume(slot, local, record) {
        const parts = this.#parts;
        parts.resume.hidden = !record || local !== null || !(waits(slot) || isFree(slot));
        if (parts.resume.hidden) return;
        const isWaiting = waits(slot);
        parts["resume-text"].textContent = isWaiting
            ? `${record.name} was served by this page before it was loaded again.`
            : `What the host wrote over ${record.name} was not saved.`;
        parts["resume-details"].textContent = isWaiting
            ? `The host waits for half a minute. Choose the same file (${bytes(record.size)}) and it will not notice.`
            : "Choose the same file, to write the changes into it or to download the changed image.";
    }

    #showChanges(local) {
        const parts = this.#parts;
        const result = local?.isOver ? local.result : null;
        parts.changes.hidden = !result;
        if (!result) return;
        const changed = result.changes.reduce((sum, change) => sum + change.length, 0);
        parts["changes-text"].textContent = `The host changed ${bytes(changed)} of ${local.file.name}.`;
        parts["changes-details"].textContent = "The file itself is as it was. This browser keeps the changes until you decide.";
        parts["changes-save"].hidden = !local.handle;
        parts["changes-download"].classList.toggle("primary", !local.handle);
    }

    // fraction: of the changes that are written; null: none is being written.
    showSaving(fraction) {
        const progress = this.#parts["changes-progress"];
        progress.hidden = fraction === null;
        progress.setAttribute("aria-label", "Changes written into the file");
        if (fraction !== null) progress.value = fraction;
        for (const part of ["changes-save", "changes-download", "changes-discard"]) {
            this.#parts[part].disabled = fraction !== null;
        }
    }
}
