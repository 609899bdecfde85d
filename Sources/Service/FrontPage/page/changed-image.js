// The image with what the host has written: as a file to download, or written into the file that it came from.

// changes: [{offset, length, place}] in order, a place of null being zeroes; contents: a Blob of all places, of
// clusterBytes each. Nothing is copied: the parts are read when the result is.
export function changedImage(image, changes, contents, clusterBytes) {
    const parts = [];
    let offset = 0;
    for (const change of changes) {
        if (change.offset > offset) parts.push(image.slice(offset, change.offset));
        parts.push(bytesOf(change, contents, clusterBytes));
        offset = change.offset + change.length;
    }
    if (offset < image.size) parts.push(image.slice(offset));
    return new Blob(parts, {type: "application/octet-stream"});
}

// Replaces the file as a whole at the end, or leaves it as it was.
export async function writeInto(handle, changes, contents, clusterBytes, progress = () => {}) {
    const file = await handle.createWritable({keepExistingData: true});
    try {
        for (const [index, change] of changes.entries()) {
            await file.write({
                type: "write", position: change.offset, data: bytesOf(change, contents, clusterBytes),
            });
            progress((index + 1) / changes.length);
        }
    } catch (error) {
        await file.abort();
        throw error;
    }
    await file.close();
}

function bytesOf({length, place}, contents, clusterBytes) {
    if (place === null) return new Blob([new Uint8Array(length)]);
    return contents.slice(place * clusterBytes, place * clusterBytes + length);
}
