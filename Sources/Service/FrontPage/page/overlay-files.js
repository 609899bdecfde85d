// Where changes to an image are kept: two files per overlay in the browser's own store for this BMC, which no other
// site can read.

const folderName = "overlays";

// Gives {contents, records}: handles of files, made if they are not there.
export async function overlayFiles(name) {
    const folder = await overlayFolder();
    return {
        contents: await folder.getFileHandle(`${name}.contents`, {create: true}),
        records: await folder.getFileHandle(`${name}.records`, {create: true}),
    };
}

export async function removeOverlay(name) {
    const folder = await overlayFolder();
    for (const suffix of ["contents", "records"]) {
        await folder.removeEntry(`${name}.${suffix}`).catch(() => {});
    }
}

// What nobody came back for in so long was not missed.
const forgottenDays = 7;

// Removes changes of pages that were closed long ago; those that are being served cannot be removed.
export async function removeForgottenOverlays() {
    const folder = await overlayFolder();
    const oldest = Date.now() - forgottenDays * 86_400_000;
    for await (const [name, handle] of folder.entries()) {
        if ((await handle.getFile()).lastModified < oldest) await folder.removeEntry(name).catch(() => {});
    }
}

// Without these files changes are kept in memory, and are lost with the page.
export const canKeepOverlays = Boolean(globalThis.navigator?.storage?.getDirectory);

async function overlayFolder() {
    const root = await navigator.storage.getDirectory();
    return await root.getDirectoryHandle(folderName, {create: true});
}
