// Requests to the Redfish service of this BMC, with the login that the browser keeps in its cookies.

const root = "/redfish/v1";

// Why a request was not carried out: its status (0: no answer came), and what there is to say and to do.
export class RedfishFailure extends Error {
    constructor(status, messages) {
        super(messages.map((message) => message.text).join(" "));
        this.status = status;
        // {text, remedy, key}: key is the last part of the message's id, "ImageNotFound".
        this.messages = messages;
    }

    get remedy() { return this.messages.map((message) => message.remedy).filter(Boolean).join(" "); }
    get isLoginMissing() { return this.status === 401; }
}

export class Redfish {
    // Called when an answer shows that there is no login any more.
    onLoginEnded = () => {};

    // What a request that changes something has to show; a script of another site cannot read it.
    get crossSiteToken() {
        const pair = document.cookie.split("; ").find((one) => one.startsWith("XSRF-TOKEN="));
        return pair ? pair.slice("XSRF-TOKEN=".length) : "";
    }

    // Returns {userName, role, session, mustChangePassword}.
    async logIn(userName, password) {
        const {json} = await this.#request("POST", "/login", {username: userName, password}, {isLogin: true});
        return {
            userName: json.UserName, role: json.RoleId, session: json.Session,
            mustChangePassword: json.PasswordChangeRequired === true,
        };
    }

    async logOut() { await this.#request("POST", "/logout", undefined, {isLogin: true}); }

    async get(path) { return (await this.#request("GET", path)).json; }
    async patch(path, body) { return (await this.#request("PATCH", path, body)).json; }
    async delete(path) { return await this.#request("DELETE", path); }
    async post(path, body) { return (await this.#request("POST", path, body)).json; }

    // Sends a request that may go on as a Task, and follows it.
    //
    // report({monitor, text}) is called while it goes on; signal ends the following, not the task.
    async perform(path, body, report, signal) {
        let answer = await this.#request("POST", path, body);
        while (answer.status === 202) {
            const monitor = answer.headers.get("Location");
            const waitSeconds = Math.min(Number(answer.headers.get("Retry-After")) || 1, 5);
            report({monitor, text: answer.json?.Description ?? "under way"});
            await pause(waitSeconds * 500, signal);
            answer = await this.#request("GET", monitor);
        }
        return answer.json;
    }

    async #request(method, path, body, {isLogin = false} = {}) {
        const headers = {"X-Requested-With": "page"};
        if (method !== "GET") headers["X-XSRF-TOKEN"] = this.crossSiteToken;
        if (body !== undefined) headers["Content-Type"] = "application/json";
        let response;
        let text;
        try {
            response = await fetch(path, {
                method, headers, cache: "no-store", credentials: "same-origin", redirect: "error",
                body: body === undefined ? undefined : JSON.stringify(body),
            });
            text = await response.text();
        } catch {
            throw new RedfishFailure(0, [{
                text: "The BMC does not answer.", remedy: "Look at the network; the page goes on trying.", key: "",
            }]);
        }
        const json = parsed(text);
        if (response.ok) return {status: response.status, headers: response.headers, json};
        if (response.status === 401 && !isLogin) this.onLoginEnded();
        throw new RedfishFailure(response.status, messages(json, response.status));
    }
}

export const paths = {
    root,
    events: `${root}/EventService/SSE`,
    systems: `${root}/Systems`,
    media: (system) => `${system}/VirtualMedia?$expand=.`,
    account: (userName) => `${root}/AccountService/Accounts/${encodeURIComponent(userName)}`,
};

function parsed(text) {
    try { return text === "" ? null : JSON.parse(text); } catch { return null; }
}

function messages(json, status) {
    const found = json?.error?.["@Message.ExtendedInfo"] ?? [];
    if (found.length === 0) return [{text: `The BMC answered with status ${status}.`, remedy: "", key: ""}];
    return found.map((one) => ({
        text: one.Message ?? "", remedy: one.Resolution === "None." ? "" : one.Resolution ?? "",
        key: (one.MessageId ?? "").split(".").pop(),
    }));
}

function pause(milliseconds, signal) {
    return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const timer = setTimeout(resolve, milliseconds);
        signal?.addEventListener("abort", () => {
            clearTimeout(timer);
            reject(signal.reason);
        }, {once: true});
    });
}
