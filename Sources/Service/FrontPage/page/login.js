// Logging in, and choosing a new password where an account has to.

import {paths} from "./redfish.js";

const key = "mediarig.login";

// Who the cookies of this browser belong to: {userName, role, session}; nothing of it is secret.
export function rememberedLogin() {
    try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
}

function remember(login) {
    try {
        if (login) localStorage.setItem(key, JSON.stringify(login)); else localStorage.removeItem(key);
    } catch {
        // A browser that keeps nothing asks again after a reload.
    }
}

export const forgetLogin = () => remember(null);

export class LoginView {
    #redfish;
    #done;
    #section = document.getElementById("login");
    #form = document.getElementById("login-form");
    #newSection = document.getElementById("new-password");
    #newForm = document.getElementById("new-password-form");
    #login = null;

    // done(login) is called once somebody is logged in.
    constructor(redfish, done) {
        this.#redfish = redfish;
        this.#done = done;
        this.#form.addEventListener("submit", (event) => {
            event.preventDefault();
            this.#logIn();
        });
        this.#newForm.addEventListener("submit", (event) => {
            event.preventDefault();
            this.#changePassword();
        });
    }

    show(notice = "") {
        this.#section.hidden = false;
        this.#newSection.hidden = true;
        const place = document.getElementById("login-notice");
        place.textContent = notice;
        place.hidden = notice === "";
        this.#form.elements.username.focus();
    }

    hide() {
        this.#section.hidden = true;
        this.#newSection.hidden = true;
    }

    async #logIn() {
        const {username, password} = this.#form.elements;
        const login = await this.#try(this.#form, "login-error", async () =>
            await this.#redfish.logIn(username.value, password.value),
        (failure) => failure.status === 401
            ? "User name or password is wrong." : `${failure.message} ${failure.remedy}`);
        password.value = "";
        if (!login) return password.focus();
        this.#login = login;
        if (!login.mustChangePassword) return this.#finish();
        this.#section.hidden = true;
        this.#newSection.hidden = false;
        this.#newForm.elements.username.value = login.userName;
        this.#newForm.elements.password.focus();
    }

    async #changePassword() {
        const {password} = this.#newForm.elements;
        const isDone = await this.#try(this.#newForm, "new-password-error", async () => {
            await this.#redfish.patch(paths.account(this.#login.userName), {Password: password.value});
            return true;
        }, (failure) => `${failure.message} ${failure.remedy}`);
        password.value = "";
        if (isDone) this.#finish(); else password.focus();
    }

    #finish() {
        remember(this.#login);
        this.hide();
        this.#done(this.#login);
    }

    async #try(form, errorID, action, words) {
        const error = document.getElementById(errorID);
        const button = form.querySelector("button");
        error.hidden = true;
        button.disabled = true;
        try { return await action(); } catch (failure) {
            error.textContent = words(failure);
            error.hidden = false;
            return null;
        } finally { button.disabled = false; }
    }
}
