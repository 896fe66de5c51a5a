#pragma once

#include <cstdlib>

/// What must hold for any input. A violation stops the program, so that a fuzzer keeps the input.
inline void expect(bool holds) {
  if (!holds) std::abort();
}
