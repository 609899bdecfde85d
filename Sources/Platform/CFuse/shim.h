// libfuse's low-level interface as Swift sees it: one request at a time, answered whenever we like.
#pragma once
#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
