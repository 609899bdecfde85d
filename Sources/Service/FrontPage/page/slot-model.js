// A slot as the page shows it, out of what Redfish says of it; and how fast it moves bytes.

// resource: a VirtualMedia resource.
export function slotModel(resource) {
    const own = resource.Oem?.MediaRig ?? {};
    const endpoint = resource.Oem?.OpenBMC?.WebSocketEndpoint ?? "";
    const isInserted = resource.Inserted === true;
    return {
        name: resource.Id, path: resource["@odata.id"], endpoint, isProxy: endpoint !== "",
        // Another virtual media service than MediaRig's tells no state.
        state: own.State ?? (isInserted ? "Active" : "Ready"), status: own.Status ?? "", isInserted,
        image: resource.Image ?? "", imageName: resource.ImageName ?? "",
        isWriteProtected: resource.WriteProtected !== false,
        kind: own.MediumKind ?? "", byteCount: own.MediumBytes ?? null, host: own.HostPresence ?? "",
        readBytes: own.ReadBytes ?? 0, writtenBytes: own.WrittenBytes ?? 0,
        holder: own.InsertedBy ?? "", holderAddress: own.InsertedFrom ?? "",
        // A code of 0: it ended in good order, and by itself.
        ending: own.LastError ?? "", isFailure: (own.LastErrorCode ?? 0) !== 0,
        failure: own.LastErrorMessage ?? "", failureRemedy: own.LastErrorResolution ?? "",
        verifies: resource.VerifyCertificate ?? null,
        insert: resource.Actions?.["#VirtualMedia.InsertMedia"]?.target ?? "",
        eject: resource.Actions?.["#VirtualMedia.EjectMedia"]?.target ?? "",
        insertInfo: resource.Actions?.["#VirtualMedia.InsertMedia"]?.["@Redfish.ActionInfo"] ?? "",
        certificates: resource.Certificates?.["@odata.id"] ?? "",
    };
}

export const isFree = (slot) => slot.state === "Ready" && !slot.isInserted;

// Whoever served the image is lost, and may come back.
export const waits = (slot) => slot.isProxy && slot.state === "Recovering";

// Words and tone ("idle", "busy", "good", "warn") for a state.
export function stateWords(slot) {
    switch (slot.state) {
    case "Ready": return {words: "Empty", tone: "idle"};
    case "Activating": return {words: "Inserting", tone: "busy"};
    case "Active": return {words: "Inserted", tone: "good"};
    case "Recovering": return {words: "Source lost", tone: "warn"};
    case "Deactivating": return {words: "Ejecting", tone: "busy"};
    default: return {words: slot.state, tone: "busy"};
    }
}

export function hostWords(slot) {
    switch (slot.host) {
    case "present": return "uses the medium";
    case "absent": return "does not see it: switched off, or its USB is";
    case "suspended": return "has suspended the drive";
    default: return "not known";
    }
}

export function kindWords(slot) {
    const kind = {cdrom: "CD-ROM", disk: "USB stick"}[slot.kind] ?? "Drive";
    return `${kind}, ${slot.isWriteProtected ? "read-only" : "writable"}`;
}

export const RateLimits = Object.freeze({
    samples: 60,
    // Two looks closer to each other say nothing new.
    sampleSeconds: 0.5,
    // What a sample is the mean of: a BMC counts at its own pace, every second or two.
    meanSeconds: 2,
});

// Bytes per second over the last minute.
export class RateHistory {
    samples = [];
    // {bytes, at}: counts of the last moments, the newest last.
    #counts = [];

    // Takes a count that grows; one that has shrunk is of another medium.
    add(bytes, milliseconds) {
        const last = this.#counts.at(-1);
        if (last && bytes < last.bytes) this.clear();
        if (last && milliseconds - last.at < RateLimits.sampleSeconds * 1000) return;
        this.#counts.push({bytes, at: milliseconds});
        const from = milliseconds - RateLimits.meanSeconds * 1000;
        // One that is as old as the mean is wide is kept.
        while (this.#counts.length > 2 && this.#counts[1].at <= from) this.#counts.shift();
        const first = this.#counts[0];
        if (first.at === milliseconds) return;
        this.samples.push((bytes - first.bytes) * 1000 / (milliseconds - first.at));
        if (this.samples.length > RateLimits.samples) this.samples.shift();
    }

    clear() {
        this.samples = [];
        this.#counts = [];
    }

    get now() { return this.samples.at(-1) ?? 0; }
    get most() { return Math.max(0, ...this.samples); }
}
