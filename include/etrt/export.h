#pragma once

/// Marks what libexecutorch_backend_tensorrt.so exports; everything else in it is hidden.
#define ETRT_API __attribute__((visibility("default")))
