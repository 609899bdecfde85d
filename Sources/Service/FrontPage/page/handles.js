// Handles of files, kept over a reload of the page where the browser has them (the File System Access API): with one,
// serving goes on without choosing the file again.

const databaseName = "mediarig";
const storeName = "handles";

export async function keepHandle(key, handle) { await inStore("readwrite", (store) => store.put(handle, key)); }
export async function forgetHandle(key) { await inStore("readwrite", (store) => store.delete(key)); }

// Gives null where there is none, or the browser keeps none.
export async function keptHandle(key) {
    try { return await inStore("readonly", (store) => store.get(key)) ?? null; } catch { return null; }
}

function inStore(mode, use) {
    return new Promise((resolve, reject) => {
        const opening = indexedDB.open(databaseName, 1);
        opening.onupgradeneeded = () => opening.result.createObjectStore(storeName);
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
            const transaction = opening.result.transaction(storeName, mode);
            const request = use(transaction.objectStore(storeName));
            transaction.oncomplete = () => {
                opening.result.close();
                resolve(request.result);
            };
            transaction.onabort = transaction.onerror = () => {
                opening.result.close();
                reject(transaction.error);
            };
        };
    });
}
