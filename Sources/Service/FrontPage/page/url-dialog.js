// The dialogue that inserts an image from a server.

import {RedfishFailure} from "./redfish.js";

export class URLDialog {
    #redfish;
    #dialog = document.getElementById("url-dialog");
    #slot = null;
    #begin = null;
    #fields = {};

    constructor(redfish) {
        this.#redfish = redfish;
        for (const name of ["image", "protocol", "kind", "user", "password", "writable", "pem", "error", "insert",
            "cancel", "trust", "certificates", "certificate-list", "title"]) {
            this.#fields[name] = document.getElementById(`url-${name}`);
        }
        document.getElementById("url-form").addEventListener("submit", (event) => {
            event.preventDefault();
            this.#submit();
        });
        this.#fields.cancel.addEventListener("click", () => this.#dialog.close());
        // What was typed is nobody else's.
        this.#dialog.addEventListener("close", () => { this.#fields.password.value = ""; });
        for (const choice of this.#choices) choice.addEventListener("change", () => this.#showTrust());
    }

    get #choices() { return this.#dialog.querySelectorAll("input[name=trust]"); }
    get #isExclusive() { return this.#dialog.querySelector("input[value=slot]").checked; }

    // begin(slot, body) inserts, and gives a Promise that ends when the insertion was done, or goes on as a task.
    open(slot, begin) {
        this.#slot = slot;
        this.#begin = begin;
        this.#fields.title.textContent = `Insert from a server into ${slot.name}`;
        this.#fields.error.hidden = true;
        this.#fields.trust.hidden = slot.verifies === null;
        for (const choice of this.#choices) choice.checked = (choice.value === "slot") === (slot.verifies === true);
        this.#fields.pem.value = "";
        this.#showTrust();
        this.#dialog.showModal();
        this.#fields.image.focus();
        this.#learnProtocols();
    }

    // What this BMC can fetch from, in Redfish's words.
    async #learnProtocols() {
        let info;
        try { info = await this.#redfish.get(this.#slot.insertInfo); } catch { return; }
        const parameter = info.Parameters?.find((one) => one.Name === "TransferProtocolType");
        const chosen = this.#fields.protocol.value;
        const options = (parameter?.AllowableValues ?? []).map((name) => new Option(name, name));
        this.#fields.protocol.replaceChildren(this.#fields.protocol.options[0], ...options);
        this.#fields.protocol.value = chosen;
    }

    async #showTrust() {
        this.#fields.certificates.hidden = !this.#isExclusive;
        if (!this.#isExclusive || !this.#slot.certificates) return;
        let members;
        try {
            members = (await this.#redfish.get(`${this.#slot.certificates}?$expand=.`)).Members ?? [];
        } catch (error) { return this.#fail(error); }
        this.#fields["certificate-list"].replaceChildren(...members.map((one) => this.#row(one)));
        if (members.length === 0) {
            const row = document.createElement("li");
            row.className = "muted";
            row.textContent = "None yet: as long as there is none, what the BMC trusts counts.";
            this.#fields["certificate-list"].append(row);
        }
    }

    #row(certificate) {
        const row = document.createElement("li");
        const name = document.createElement("span");
        const lines = (certificate.CertificateString ?? "").trim().split("\n");
        name.textContent = `Certificate ${certificate.Id}, ends ${lines.at(-2)?.slice(-12) ?? ""}`;
        const remove = document.createElement("button");
        remove.type = "button";
        remove.className = "quiet";
        remove.textContent = "Remove";
        remove.setAttribute("aria-label", `Remove certificate ${certificate.Id}`);
        remove.addEventListener("click", async () => {
            try { await this.#redfish.delete(certificate["@odata.id"]); } catch (error) { return this.#fail(error); }
            this.#showTrust();
            this.#fields.pem.focus();
        });
        row.append(name, remove);
        return row;
    }

    async #submit() {
        const {image, insert, error} = this.#fields;
        error.hidden = true;
        if (image.value.trim() === "") {
            image.focus();
            return this.#say("The address of the image is missing.", "");
        }
        insert.disabled = true;
        insert.textContent = "Inserting…";
        try {
            await this.#settleTrust();
            await this.#begin(this.#slot, this.#body);
            this.#dialog.close();
            image.value = "";
        } catch (failure) { this.#fail(failure); }
        insert.disabled = false;
        insert.textContent = "Insert";
    }

    get #body() {
        const {image, protocol, kind, user, password, writable} = this.#fields;
        const body = {Image: image.value.trim(), WriteProtected: !writable.checked};
        if (protocol.value) body.TransferProtocolType = protocol.value;
        if (kind.value) body.MediaTypes = kind.value === "CD" ? ["CD", "DVD"] : [kind.value];
        if (user.value) body.UserName = user.value;
        if (password.value) body.Password = password.value;
        return body;
    }

    // Whom to trust counts from the next insertion on, so it goes first.
    async #settleTrust() {
        if (this.#slot.verifies === null) return;
        const pem = this.#fields.pem.value.trim();
        if (this.#isExclusive && pem) {
            await this.#redfish.post(this.#slot.certificates, {CertificateString: pem, CertificateType: "PEM"});
            this.#fields.pem.value = "";
            await this.#showTrust();
        }
        if (this.#isExclusive !== this.#slot.verifies) {
            await this.#redfish.patch(this.#slot.path, {VerifyCertificate: this.#isExclusive});
            this.#slot.verifies = this.#isExclusive;
        }
    }

    #fail(failure) {
        if (!(failure instanceof RedfishFailure)) throw failure;
        if (failure.isLoginMissing) this.#dialog.close();
        this.#say(failure.message, failure.remedy);
    }

    #say(text, remedy) {
        const strong = document.createElement("strong");
        strong.textContent = text;
        this.#fields.error.replaceChildren(strong, ` ${remedy}`);
        this.#fields.error.hidden = false;
    }
}
