// The page as a whole: who is logged in, the slots, and what people ask of them.

import {EventList} from "./event-list.js";
import {keptHandle} from "./handles.js";
import {Live} from "./live.js";
import {forgetInterrupted, interrupted, interruptedHandleKey, LocalImage, mismatch} from "./local-image.js";
import {forgetLogin, LoginView, rememberedLogin} from "./login.js";
import {canKeepOverlays, removeForgottenOverlays} from "./overlay-files.js";
import {paths, Redfish, RedfishFailure} from "./redfish.js";
import {isFree, slotModel, stateWords, waits} from "./slot-model.js";
import {SlotView} from "./slot-view.js";
import {URLDialog} from "./url-dialog.js";

const byID = (id) => document.getElementById(id);

class Page {
    #redfish = new Redfish();
    #login = null;
    #loginView = new LoginView(this.#redfish, (login) => this.#enter(login));
    #dialog = new URLDialog(this.#redfish);
    #events = new EventList();
    #live = new Live(paths.events, () => this.#refresh(), (news) => this.#hear(news));
    #system = null;
    #slots = [];
    #views = new Map();
    // By the name of the slot.
    #local = new Map();
    #tasks = new Map();
    #failures = new Map();
    #states = new Map();
    // Countdowns are of this page, and not of the BMC.
    #clock = null;

    constructor() {
        this.#redfish.onLoginEnded = () => this.#leave("Your login has ended. Log in again.");
        byID("log-out").addEventListener("click", () => this.#logOut());
        byID("machine").textContent = location.host;
        addEventListener("beforeunload", (event) => {
            if (this.#mustStay) event.preventDefault();
        });
        addEventListener("pagehide", () => {
            for (const local of this.#local.values()) local.leave();
        });
        // A file that misses its slot would take the place of the page.
        for (const kind of ["dragover", "drop"]) {
            addEventListener(kind, (event) => {
                if (!event.target.closest?.("[data-part=drop]")) event.preventDefault();
            });
        }
    }

    // Somebody's image is served from here, or what the host wrote is not saved.
    get #mustStay() { return [...this.#local.values()].some((local) => local.isServed || local.result); }

    async start() {
        const login = rememberedLogin();
        if (!login || this.#redfish.crossSiteToken === "") return this.#loginView.show();
        try {
            await this.#redfish.get(login.session);
        } catch (failure) {
            // Without a login the page is there already; whatever else is wrong shows there, too.
            if (!failure.isLoginMissing) this.#loginView.show(failure.status === 0 ? failure.message : "");
            return;
        }
        this.#enter(login);
    }

    // Logging in and out

    #enter(login) {
        this.#login = login;
        byID("user-name").textContent = login.userName;
        byID("who").hidden = false;
        byID("desk").hidden = false;
        this.#events.clear();
        if (canKeepOverlays) removeForgottenOverlays().catch(() => {});
        this.#live.start();
        this.#clock = setInterval(() => this.#showAll(), 1000);
        byID("main").focus();
    }

    async #logOut() {
        const served = [...this.#local.values()].filter((local) => local.isServed).map((local) => local.file.name);
        if (served.length > 0 && !confirm(`Logging out takes ${served.join(", ")} from the host.`)) return;
        try { await this.#redfish.logOut(); } catch (failure) {
            if (!failure.isLoginMissing) return this.#announce(failure.message);
        }
        this.#leave("");
    }

    #leave(notice) {
        if (!this.#login) {
            forgetLogin();
            return this.#loginView.show();
        }
        this.#login = null;
        forgetLogin();
        this.#live.stop();
        clearInterval(this.#clock);
        for (const local of this.#local.values()) {
            local.giveUp("The login has ended", "The medium was taken from the host.", "Log in and insert the image again.");
        }
        for (const id of ["who", "desk", "connection"]) byID(id).hidden = true;
        if (byID("url-dialog").open) byID("url-dialog").close();
        this.#loginView.show(notice);
        this.#announce(notice);
    }

    get #canChange() { return this.#login?.role !== "ReadOnly"; }

    // What is there

    async #refresh() {
        this.#system ??= (await this.#redfish.get(paths.systems)).Members?.[0]?.["@odata.id"] ?? null;
        let notice = "";
        try {
            const collection = await this.#redfish.get(paths.media(this.#system));
            this.#slots = (collection.Members ?? []).map(slotModel)
                .sort((one, other) => one.name.localeCompare(other.name, "en", {numeric: true}));
            if (this.#slots.length === 0) notice = "This BMC has no slots for virtual media.";
        } catch (failure) {
            if (failure.status !== 503) throw failure;
            this.#slots = [];
            notice = `${failure.message} ${failure.remedy}`;
        }
        byID("slots-notice").textContent = notice;
        byID("slots-notice").hidden = notice === "";
        this.#live.isBusy = this.#slots.some((slot) => !isFree(slot));
        this.#arrange();
        this.#announceChanges();
        this.#showAll();
        this.#resumeByItself();
    }

    // One card for each slot, in order.
    #arrange() {
        const names = new Set(this.#slots.map((slot) => slot.name));
        for (const [name, view] of this.#views) {
            if (names.has(name)) continue;
            view.element.remove();
            this.#views.delete(name);
        }
        for (const [index, slot] of this.#slots.entries()) {
            if (!this.#views.has(slot.name)) this.#views.set(slot.name, new SlotView(this.#wishes));
            const element = this.#views.get(slot.name).element;
            if (byID("slots").children[index] !== element) {
                byID("slots").insertBefore(element, byID("slots").children[index] ?? null);
            }
        }
    }

    #showAll() { for (const slot of this.#slots) this.#show(slot); }

    #show(slot) {
        const local = this.#local.get(slot.name) ?? null;
        let record = local ? null : interrupted(slot.name);
        if (record && isFree(slot) && !record.isWritable) {
            // Nothing waits for it, and nothing can be lost.
            forgetInterrupted(slot.name);
            record = null;
        }
        this.#views.get(slot.name)?.show(slot, {
            local, record, task: this.#tasks.get(slot.name) ?? null,
            failure: this.#failures.get(slot.name) ?? null, canChange: this.#canChange,
        });
    }

    #showNamed(name) {
        const slot = this.#slots.find((slot) => slot.name === name);
        if (slot) this.#show(slot);
    }

    #hear({events, connected, isStreaming}) {
        if (events) return this.#events.add(events);
        const place = byID("connection");
        place.hidden = connected;
        if (!connected) place.textContent = "No answer from the BMC; trying again";
        else if (isStreaming === false) place.textContent = "";
    }

    #announceChanges() {
        const news = [];
        for (const slot of this.#slots) {
            const {words} = stateWords(slot);
            const known = this.#states.get(slot.name);
            if (known !== undefined && known !== words) news.push(`${slot.name}: ${words}.`);
            this.#states.set(slot.name, words);
        }
        if (news.length > 0) this.#announce(news.join(" "));
    }

    #announce(text) { byID("announcements").textContent = text; }

    // What people ask for

    #wishes = {
        insert: (slot) => this.#dialog.open(slot, (slot, body) => this.#insert(slot, body)),
        eject: (slot) => this.#eject(slot),
        serve: (slot, file, handle, isWritable) => this.#serve(slot, file, handle, isWritable, null),
        resume: (slot) => this.#resume(slot),
        forget: (slot) => this.#forget(slot),
        cancel: (slot) => this.#cancel(slot),
        save: (slot) => this.#save(slot),
        download: (slot) => this.#download(slot),
        discard: (slot) => this.#discard(slot),
        dismiss: (slot) => {
            this.#failures.delete(slot.name);
            const local = this.#local.get(slot.name);
            if (local?.isOver && !local.result) this.#local.delete(slot.name);
        },
    };

    // Ends when the insertion was done, was refused, or has become a task that the card shows.
    async #insert(slot, body) {
        this.#failures.delete(slot.name);
        await new Promise((resolve, reject) => {
            this.#follow(slot, slot.insert, body, "Inserting", resolve).then(resolve, reject);
        });
    }

    // isTask() is called when it goes on as a task; from then on a failure is shown in the card.
    async #follow(slot, path, body, words, isTask) {
        let isShown = false;
        try {
            await this.#redfish.perform(path, body, ({monitor, text}) => {
                isShown = true;
                this.#tasks.set(slot.name, {text, monitor, isCancellable: words === "Inserting"});
                this.#showNamed(slot.name);
                isTask();
            });
        } catch (failure) {
            if (!isShown || !(failure instanceof RedfishFailure)) throw failure;
            this.#fail(slot, failure);
        } finally {
            this.#tasks.delete(slot.name);
            this.#live.look();
        }
    }

    #fail(slot, failure) {
        if (!(failure instanceof RedfishFailure)) throw failure;
        this.#failures.set(slot.name, {text: failure.message, remedy: failure.remedy});
        this.#announce(`${slot.name}: ${failure.message}`);
        this.#showNamed(slot.name);
    }

    async #cancel(slot) {
        const task = this.#tasks.get(slot.name);
        if (!task) return;
        try { await this.#redfish.delete(task.monitor); } catch (failure) { this.#fail(slot, failure); }
    }

    // Through Redfish first, also for an image of this page: the service stores what the host wrote while it is served.
    async #eject(slot) {
        const local = this.#local.get(slot.name);
        this.#failures.delete(slot.name);
        if (local) local.isEjecting = true;
        this.#showNamed(slot.name);
        try {
            await this.#follow(slot, slot.eject, {}, "Ejecting", () => {});
        } catch (failure) {
            // Nothing is there to eject: then there is nothing to serve, either.
            if (failure.messages?.[0]?.key === "SlotEmpty" && local?.isServed) await local.stop();
            else this.#fail(slot, failure);
        } finally {
            if (local) local.isEjecting = false;
            this.#showNamed(slot.name);
        }
    }

    #serve(slot, file, handle, isWritable, record) {
        if (file.size === 0) {
            this.#failures.set(slot.name, {text: `${file.name} is empty.`, remedy: "Choose another file."});
            return this.#showNamed(slot.name);
        }
        this.#failures.delete(slot.name);
        const local = new LocalImage({
            slot, file, handle, isWritable, record, token: () => this.#redfish.crossSiteToken,
        });
        this.#local.set(slot.name, local);
        local.addEventListener("change", () => this.#showNamed(slot.name));
        local.addEventListener("lost", () => this.#live.look());
        local.addEventListener("over", () => {
            const ending = local.connection?.ending;
            this.#announce(`${slot.name}: ${ending ? `${ending.title}. ${ending.text}` : local.refusal}`);
            if (!local.result && !local.refusal && (!ending || ending.isGood)) this.#local.delete(slot.name);
            this.#live.look();
        });
        if (record && isFree(slot)) local.recover(); else local.start();
        this.#showNamed(slot.name);
    }

    // After a reload of the page

    async #resume(slot) {
        const record = interrupted(slot.name);
        const handle = await keptHandle(interruptedHandleKey(slot.name));
        let chosen = null;
        if (handle && await handle.requestPermission?.({mode: "read"}) !== "denied") {
            try { chosen = {file: await handle.getFile(), handle}; } catch { /* Moved: to be chosen, then. */ }
        }
        chosen ??= await this.#views.get(slot.name).pick();
        if (chosen) this.#goOn(slot, record, chosen);
    }

    // With a file that the browser lets us read without asking, nobody has to do anything.
    async #resumeByItself() {
        for (const slot of this.#slots) {
            const record = interrupted(slot.name);
            if (!record || !waits(slot) || this.#local.has(slot.name) || !this.#canChange) continue;
            const handle = await keptHandle(interruptedHandleKey(slot.name));
            if (await handle?.queryPermission?.({mode: "read"}) !== "granted") continue;
            let file;
            try { file = await handle.getFile(); } catch { continue; }
            if (this.#local.has(slot.name) || mismatch(record, file) !== "") continue;
            this.#goOn(slot, record, {file, handle});
        }
    }

    #goOn(slot, record, {file, handle}) {
        const why = mismatch(record, file);
        if (why !== "") {
            this.#failures.set(slot.name, {text: why, remedy: ""});
            this.#announce(`${slot.name}: ${why}`);
            return this.#showNamed(slot.name);
        }
        const now = this.#slots.find((one) => one.name === slot.name) ?? slot;
        this.#serve(now, file, handle, record.isWritable, record);
    }

    async #forget(slot) {
        const record = interrupted(slot.name);
        if (record?.isWritable && !confirm(`What the host wrote over ${record.name} is lost.`)) return;
        await forgetInterrupted(slot.name);
        this.#showNamed(slot.name);
    }

    // What the host wrote

    async #save(slot) {
        const local = this.#local.get(slot.name);
        const view = this.#views.get(slot.name);
        view.showSaving(0);
        try {
            await local.save((fraction) => view.showSaving(fraction));
            this.#announce(`The changes are in ${local.file.name}.`);
            this.#local.delete(slot.name);
        } catch (error) {
            this.#failures.set(slot.name, {
                text: `The changes were not written: ${error.message}`, remedy: "The file is as it was; download the changed image instead.",
            });
        }
        view.showSaving(null);
        this.#showNamed(slot.name);
    }

    #download(slot) {
        const local = this.#local.get(slot.name);
        const link = document.createElement("a");
        link.href = URL.createObjectURL(local.changedBlob);
        link.download = local.file.name;
        link.click();
        // The browser reads it for as long as the download takes: it is given back with the page.
    }

    async #discard(slot) {
        const local = this.#local.get(slot.name);
        if (!confirm(`What the host wrote over ${local.file.name} is lost.`)) return;
        await local.discard();
        this.#local.delete(slot.name);
        this.#showNamed(slot.name);
    }
}

new Page().start();
