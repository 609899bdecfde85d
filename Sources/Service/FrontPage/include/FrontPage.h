#pragma once

/// A file of the web page, as it stands in this folder.
struct FrontPageFile {
    /// "index.html"
    const char *_Nonnull name;
    const unsigned char *_Nonnull bytes;
    unsigned long byteCount;
};

/// The files that make up the page, in no order that means anything.
///
/// - Returns: the number of them; `*files` is where they stand, for as long as the program runs.
unsigned long FrontPageFiles(const struct FrontPageFile *_Nonnull *_Nonnull files);
